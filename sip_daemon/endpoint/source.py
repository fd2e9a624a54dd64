"""Where a request came from: written into its top Via, and turned into the flow of its answers (RFC 3581)."""

from __future__ import annotations

from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import Request

DEFAULT_PORT = 5060


def note_source(request: Request, flow: Flow) -> Flow:
    """Writes `received` and `rport` into the top Via; returns the flow on which the request is answered.

    Raises RemoteProtocolError when the Via can't be read.
    """
    via = request.top_via
    source = flow.remote
    is_direct = via.host == source.host
    wants_rport = via.wants_rport
    if wants_rport or not is_direct or "received" in via.parameters:
        request.top_via = via.with_source(source.host, source.port)
    if flow.transport is not TransportProtocol.UDP or wants_rport or not is_direct:
        return flow
    # `maddr` is not obeyed (RFC 3261 §18.2.2 would): it lets whoever writes it aim our answers at anybody.
    # Without rport the answer goes to the port in sent-by (RFC 3261 §18.2.2): there are phones that send from one
    # port and listen on another. Where sent-by is not the source, a NAT stands between us and only the source port
    # leads back through it; RFC 3261 would lose the answer there.
    port = via.port or DEFAULT_PORT
    if port == source.port:
        return flow
    return Flow(flow.transport, flow.local, TransportAddress(source.host, port))
