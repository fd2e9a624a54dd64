"""RSeq and RAck: how a provisional response is numbered and acknowledged (RFC 3262 §7).

`ProvisionalOrder` is the receiving side's memory: it says which reliable provisional response is due for a PRACK.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import Request, Response

OPTION_TAG: Final = "100rel"
MAX_NUMBER: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class RAck:
    """What a PRACK acknowledges: the response's number, and CSeq number and method of the request that it answered."""

    rseq: int
    cseq: int
    method: str = "INVITE"

    def __str__(self) -> str:
        return f"{self.rseq} {self.cseq} {self.method}"

    @classmethod
    def parse(cls, text: str) -> Self:
        parts = text.split()
        if len(parts) != 3:
            raise RemoteProtocolError("malformed RAck")
        return cls(_number(parts[0], "RAck"), _number(parts[1], "RAck"), parts[2])

    @classmethod
    def of(cls, prack: Request) -> Self:
        """The one in a PRACK. Raises `RemoteProtocolError` (400) where it is missing or malformed."""
        value = prack.headers.get("RAck")
        if value is None:
            raise RemoteProtocolError("PRACK without RAck", warning="A RAck header is required")
        return cls.parse(value)


def rseq_of(response: Response) -> int | None:
    """The number of a reliable provisional response; None for one that needs no PRACK.

    Raises `RemoteProtocolError` when the number cannot be read.
    """
    if not 100 < response.status < 200:
        return None
    value = response.headers.get("RSeq")
    if value is None or OPTION_TAG not in response.require:
        return None
    return _number(value, "RSeq")


class ProvisionalOrder:
    """The reliable provisional responses of one early dialog, as the UAC gets them (RFC 3262 §4)."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: int | None = None

    def admit(self, rseq: int) -> bool:
        """Whether it is the next one. Any other is neither processed nor acknowledged: a repetition, since the PRACK
        for it repeats itself, or one that overtook another, which comes again."""
        if self._last is not None and rseq != self._last + 1:
            return False
        self._last = rseq
        return True


def _number(text: str, header: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 10) or int(text) > MAX_NUMBER:
        raise RemoteProtocolError(f"malformed {header}")
    return int(text)
