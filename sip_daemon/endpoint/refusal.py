"""Stateless answers to what is malformed, at a small rate; and how an answer is cut to a size.

A UDP source address can be forged: whoever's address it is gets at most `AMPLIFICATION` times what was sent in its
name. Headers that a peer can do without are left out first.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable

from sip_daemon.endpoint.addressing import LocalAddressing, bracketed
from sip_daemon.endpoint.source import note_source
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow, TransportProtocol
from sip_daemon.message import MalformedMessage, Request, Response
from sip_daemon.message.grammar import quote
from sip_daemon.transport import OncePerSource, SourceRate

logger = logging.getLogger("sip_daemon.endpoint")

AMPLIFICATION = 3
OPTIONAL_HEADERS = (
    "Organization",
    "Date",
    "Server",
    "Accept-Language",
    "Accept-Encoding",
    "Accept",
    "Supported",
    "Warning",
    "Allow",
)
"""In the order in which they go: what helps a person or a phone least goes first."""

FRAME_BYTES = len("SIP/2.0 200 \r\nContent-Length: 00000\r\n\r\n")

_TAG_KEY = secrets.token_bytes(16)


def stateless_tag(request: Request) -> str:
    """A To tag that is the same for each repetition of `request`, though nothing is remembered (RFC 3261 §8.2.7)."""
    seed = "\n".join((request.headers.get("Via") or "", request.headers.get("Call-ID") or ""))
    return hashlib.blake2b(seed.encode("utf-8", "replace"), key=_TAG_KEY, digest_size=8).hexdigest()


def least_request_size(request: Request) -> int:
    """A lower bound of what the peer sent: its header names may have been compact, so each counts for one letter."""
    lines = sum([len(value) + 5 for _, value in request.headers.items()])
    return len(request.method) + len(str(request.uri)) + 12 + lines


def fit(response: Response, budget: int) -> bool:
    """Drops optional headers until `response` has at most `budget` bytes, then challenges but for the first. Whether it
    has."""
    headers = response.headers
    lines = sum([len(name) + len(value) + 4 for name, value in headers.items()])
    size = FRAME_BYTES + len(response.reason) + lines + len(response.body)
    for name in OPTIONAL_HEADERS:
        if size <= budget:
            break
        for value in headers.get_all(name):
            size -= len(name) + len(value) + 4
        headers.remove(name)
    challenges = headers.get_all("WWW-Authenticate") if size > budget else []
    while size > budget and len(challenges) > 1:
        size -= len("WWW-Authenticate") + len(challenges.pop()) + 4
        headers.remove("WWW-Authenticate")
        for challenge in challenges:
            headers.add("WWW-Authenticate", challenge)
    return size <= budget


class MalformedAnswerer:
    """Answers what can't be processed, without keeping anything of it."""

    def __init__(self, addressing: LocalAddressing, user_agent: str, send: Callable[[bytes, Flow], None]) -> None:
        self._addressing = addressing
        self._user_agent = user_agent
        self._send = send
        self._rate = SourceRate()
        self._log_rate = OncePerSource()

    def answer(
        self,
        error: RemoteProtocolError,
        flow: Flow,
        now: float,
        *,
        request: Request | None = None,
        size: int | None = None,
    ) -> None:
        """Sends `error.status` if enough of the request could be read and its sender may have an answer.

        `request` is one that could be parsed as a whole; `size` is that of the datagram, None on a stream.
        An ACK is never answered (RFC 3261 §17.1.1.3).
        """
        self._log(error, flow, now)
        if isinstance(error, MalformedMessage):
            request = error.partial
        if request is None or request.method == "ACK":
            return
        is_udp = flow.transport is TransportProtocol.UDP
        if is_udp and not self._rate.allows(flow.remote.host, now):
            return
        try:
            flow = note_source(request, flow)
            response = Response.to_request(request, error.status, to_tag=stateless_tag(request))
        except RemoteProtocolError:
            return  # Not even its Via can be read: there is no way back.
        response.headers.add("Server", self._user_agent)
        add_warning(response, error.warning, self._addressing.host_for(flow))
        if is_udp and size is not None and not fit(response, AMPLIFICATION * size):
            return
        self._send(bytes(response), flow)

    def _log(self, error: RemoteProtocolError, flow: Flow, now: float) -> None:
        held_back = self._log_rate.admit(flow.remote.host, "malformed", now)
        if held_back is not None:
            logger.warning(
                "%s malformed message: %s (%d more since the last line)",
                flow,
                error,
                held_back,
                extra={"flow": str(flow), "source": flow.remote.host, "held_back": held_back},
            )


def add_warning(response: Response, text: str | None, host: str) -> None:
    """A Warning header with the code for "miscellaneous" (RFC 3261 §20.43)."""
    if text:
        response.headers.add("Warning", f"399 {bracketed(host)} {quote(text)}")
