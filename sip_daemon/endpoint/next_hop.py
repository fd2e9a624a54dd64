"""Where a request of ours has to go next (RFC 3261 §8.1.2), and whether a flow leads there."""

from __future__ import annotations

import ipaddress

from sip_daemon.flow import Flow, TransportProtocol
from sip_daemon.message import Request, Uri

DEFAULT_PORT = 5060


def next_hop(request: Request) -> Uri:
    """The first Route, if it is a loose router. Without one, and with a strict router, the request-URI tells: for the
    latter the dialog has put the router there (RFC 3261 §12.2.1.1)."""
    if "Route" in request.headers:
        first = request.routes[0].uri
        if first.is_loose_router:
            return first
    return request.uri


def leads_to_next_hop(flow: Flow, request: Request) -> bool:
    """Whether the peer of `flow` is where `request` has to go.

    A request without Route goes to a phone, and to a phone nothing leads but its flow, whatever its Contact says
    (RFC 5626 §5.3). With a Route it is the flow's peer that must be named there.
    """
    if "Route" not in request.headers:
        return True
    hop = next_hop(request)
    if hop.transport not in (None, flow.transport.lower()) or not same_host(hop.host, flow.remote.host):
        return False
    # The connection of a proxy comes from a port that says nothing.
    return flow.transport is not TransportProtocol.UDP or (hop.port or DEFAULT_PORT) == flow.remote.port


def same_host(written: str, numeric: str) -> bool:
    """Whether what a URI names is that address; a name is not looked up."""
    if written == numeric:
        return True
    try:
        return ipaddress.ip_address(written) == ipaddress.ip_address(numeric.partition("%")[0])
    except ValueError:
        return False
