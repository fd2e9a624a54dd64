"""What a request from outside any dialog must satisfy before anybody acts on it (RFC 3261 §8.2, §16.3).

Pure checks. Each raises `RemoteProtocolError` with the status to answer, or `Refusal` when the answer needs a header of
its own.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from sip_daemon.call.capabilities import ACCEPT, ALLOW, SUPPORTED
from sip_daemon.dialog import session_expires
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import Request

ACCEPTING: Final = frozenset({ACCEPT, "application/*", "*/*"})
"""Media ranges of an Accept header that take our session descriptions (RFC 3261 §20.1)."""


class Refusal(RemoteProtocolError):
    """An answer with a header that tells the peer what would have been right."""

    def __init__(self, message: str, *, status: int, headers: list[tuple[str, str]]) -> None:
        super().__init__(message, status=status)
        self.headers = headers


def check_hops(request: Request, own_branches: Container[str | None]) -> None:
    """Whether it circles: a Via of ours came back, or Max-Forwards has run out (RFC 3261 §16.3 items 3 and 4).

    `own_branches` are those of our requests that are still unanswered; sender addresses would not do, since two
    networks behind NAT use the same ones. OPTIONS goes no further than here, and that is what a hop of 0 asks for.
    """
    if any(via.branch in own_branches for via in request.vias):
        raise RemoteProtocolError("our own request came back", status=482)
    if request.max_forwards == 0 and request.method != "OPTIONS":
        raise RemoteProtocolError("Max-Forwards has run out", status=483)


def check_method(request: Request) -> None:
    """Whether we do such a thing at all (RFC 3261 §8.2.1)."""
    if request.method not in ALLOW:
        raise Refusal(f"{request.method} is not allowed", status=405, headers=[("Allow", ", ".join(ALLOW))])


def check_extensions(request: Request) -> None:
    """Whether we know the extensions that it insists on (RFC 3261 §8.2.2.3)."""
    unknown = request.require - SUPPORTED
    if unknown:
        headers = [("Unsupported", ", ".join(sorted(unknown)))]
        raise Refusal("an extension is required that we lack", status=420, headers=headers)


def check_scheme(request: Request) -> None:
    """Whether the request-URI is of a kind that we understand; To says nothing of the way (RFC 3261 §8.2.2.1)."""
    if not request.uri.is_sip:
        raise RemoteProtocolError("not a SIP URI", status=416, warning="Only SIP URIs can be dialled here")


def check_address(request: Request, own_hosts: Container[str]) -> None:
    """Whether the request-URI speaks of us (RFC 3261 §8.2.2.1)."""
    if request.uri.host.lower() not in own_hosts:
        raise RemoteProtocolError("a foreign domain", status=404, warning="This system does not serve that domain")


def check_invite(request: Request) -> None:
    """Whether a dialog can come of it, its body can be read and our answer will be (RFC 3261 §8.1.1.8)."""
    if request.contact is None:
        raise RemoteProtocolError("INVITE without Contact", warning="A Contact header is required")
    check_body(request)
    check_accept(request)
    check_interval(request)


def check_interval(request: Request) -> None:
    """Whether it wants the session refreshed no more often than we allow (RFC 4028 §9)."""
    if "Session-Expires" not in request.headers:
        return
    try:
        session_expires.answer(request)
    except session_expires.IntervalTooSmall as error:
        raise Refusal(str(error), status=error.status, headers=error.headers) from None


def check_body(request: Request) -> None:
    """Whether it is of the one kind that we read (RFC 3261 §8.2.3)."""
    if request.body and request.content_type not in (ACCEPT, None):
        raise Refusal("a body of another kind", status=415, headers=[("Accept", ACCEPT)])


def check_accept(request: Request) -> None:
    """Whether it takes a session description for an answer; whoever says nothing does (RFC 3261 §20.1, §21.4.7)."""
    if "Accept" not in request.headers:
        return
    ranges = {text.partition(";")[0].strip().lower() for text in request.headers.values("Accept")}
    if ACCEPTING.isdisjoint(ranges):
        raise RemoteProtocolError("it accepts no SDP", status=406, warning="Calls are described in application/sdp")
