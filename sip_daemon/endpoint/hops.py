"""Max-Forwards (RFC 3261 §16.6): a back-to-back user agent counts hops as a proxy does, or calls could circle."""

from __future__ import annotations

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import Request

MAX_FORWARDS = 70
"""What a request starts with (RFC 3261 §8.1.1.6)."""


def next_max_forwards(request: Request) -> int:
    """The Max-Forwards of what we send on behalf of `request`.

    Raises RemoteProtocolError(483) when it may go no further. Not to be asked for OPTIONS: one that has arrived
    with 0 is meant for us (RFC 3261 §11.2).
    """
    hops = request.max_forwards
    if hops is None:
        return MAX_FORWARDS - 1
    if hops <= 0:
        raise RemoteProtocolError("Max-Forwards has run out", status=483)
    return min(hops, MAX_FORWARDS) - 1
