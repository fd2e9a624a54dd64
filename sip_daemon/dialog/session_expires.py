"""Session-Expires and Min-SE, and who of the two may say what about them (RFC 4028 §4, §5, §7 to §9).

Pure values and rules. `answer` is what a UAS says to a request; `read_answer` is what a UAC takes from a response.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import Request, Response

OPTION_TAG: Final = "timer"

MIN_SE: Final = 90
"""Seconds; the least that the RFC allows (§4), and what is taken where nothing is said. JsSIP asks for just this."""

SESSION_EXPIRES: Final = 1800
"""Seconds; what the RFC recommends (§4) and we ask for."""


class Refresher(StrEnum):
    """Who sends the refreshes: a role in the transaction that says it, not in the dialog."""

    UAC = "uac"
    UAS = "uas"


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """The value of a Session-Expires header."""

    seconds: int
    refresher: Refresher | None = None

    def __str__(self) -> str:
        return str(self.seconds) if self.refresher is None else f"{self.seconds};refresher={self.refresher}"

    @classmethod
    def parse(cls, text: str) -> Self:
        delta, *parameters = (part.strip() for part in text.split(";"))
        pairs = [parameter.partition("=") for parameter in parameters]
        names = {name.strip().lower(): value.strip().lower() for name, _, value in pairs}
        refresher = names.get("refresher")
        try:
            return cls(_seconds(delta), Refresher(refresher) if refresher is not None else None)
        except ValueError:
            raise RemoteProtocolError("malformed Session-Expires") from None

    @classmethod
    def of(cls, message: Request | Response) -> Self | None:
        """The one of a message. Raises `RemoteProtocolError` (400) when it cannot be read."""
        value = message.headers.get("Session-Expires")
        return None if value is None else cls.parse(value)


class IntervalTooSmall(RemoteProtocolError):
    """The UAC wants refreshes more often than we allow: 422 with Min-SE (§6)."""

    def __init__(self) -> None:
        super().__init__("the session interval is too small", status=422)
        self.headers = [("Min-SE", str(MIN_SE))]


def min_se_of(message: Request | Response) -> int:
    """The least interval that somebody on the way allows (§5). Raises `RemoteProtocolError` (400)."""
    value = message.headers.get("Min-SE")
    try:
        return MIN_SE if value is None else max(MIN_SE, _seconds(value.partition(";")[0].strip()))
    except ValueError:
        raise RemoteProtocolError("malformed Min-SE") from None


def knows_timer(request: Request) -> bool:
    """Whether the peer can take part (§7.1)."""
    return OPTION_TAG in request.supported or OPTION_TAG in request.require


def answer(request: Request, *, interval: int = SESSION_EXPIRES, we_refresh: bool = True) -> SessionExpires | None:
    """What our 2xx to this INVITE or UPDATE says (§9, table 2); None: the session has no timer.

    `interval` and `we_refresh` are what we would like where the peer leaves it open: to refresh is the safer role, for
    a peer that forgets to do it loses its call. Raises `IntervalTooSmall`, and `RemoteProtocolError` (400).
    """
    offered = SessionExpires.of(request)
    is_able = knows_timer(request)
    ours = Refresher.UAS if we_refresh else Refresher.UAC
    if offered is None:
        return SessionExpires(max(interval, min_se_of(request)), ours) if is_able else None
    if offered.seconds < MIN_SE:
        if is_able:
            raise IntervalTooSmall
        return None  # it would not understand a 422
    seconds = min(offered.seconds, max(SESSION_EXPIRES, min_se_of(request)))
    if not is_able:
        return SessionExpires(seconds, Refresher.UAS)  # a proxy on the way asked for it
    return SessionExpires(seconds, offered.refresher or ours)


def answer_headers(request: Request, agreed: SessionExpires | None) -> list[tuple[str, str]]:
    """Of our 2xx (§9): the peer has to know of it where it is able to."""
    if agreed is None:
        return []
    headers = [("Session-Expires", str(agreed))]
    return [*headers, ("Require", OPTION_TAG)] if knows_timer(request) else headers


def read_answer(response: Response) -> SessionExpires | None:
    """What a 2xx to our request says (§7.2), asked for or not; None: the session has no timer.

    A peer that does not say who refreshes leaves it to us. Nonsense is as good as nothing: the call is answered.
    """
    try:
        agreed = SessionExpires.of(response)
    except RemoteProtocolError:
        return None
    return agreed if agreed is None else SessionExpires(max(MIN_SE, agreed.seconds), agreed.refresher or Refresher.UAC)


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise ValueError(text)
    return int(text)
