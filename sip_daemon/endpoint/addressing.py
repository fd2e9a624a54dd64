"""Our side of a flow as its peer is told: in Via, Contact and SDP."""

from __future__ import annotations

from sip_daemon.endpoint.identity import Identity, PeerAddressing
from sip_daemon.errors import TransportError
from sip_daemon.flow import Flow, TransportProtocol
from sip_daemon.message import NameAddress, Uri, new_branch
from sip_daemon.transport import TransportLayer


class LocalAddressing:
    """Combines what the transport knows of sockets with what the identity says of NAT."""

    def __init__(self, transport: TransportLayer, identity: Identity) -> None:
        self._transport = transport
        self._peers = PeerAddressing(identity)

    def is_local(self, host: str) -> bool:
        """Whether a peer at `host` is on the LAN: private, or on a network that this machine is on."""
        self._peers.set_on_link(self._transport.networks)
        return self._peers.is_local(host)

    def host_for(self, flow: Flow) -> str:
        """The bare address of ours that the peer of `flow` is told."""
        self._peers.set_on_link(self._transport.networks)
        return self._peers.host_for(flow)

    def usable(self, flow: Flow) -> Flow:
        """The flow that really leads to the peer of `flow` now; `flow` itself when there is none."""
        try:
            return self._transport.usable(flow)
        except TransportError:
            return flow

    def is_usable(self, flow: Flow) -> bool:
        """Whether anything can be sent on `flow`."""
        try:
            self._transport.usable(flow)
        except TransportError:
            return False
        return True

    def via(self, flow: Flow) -> str:
        """A fresh top Via for a request on `flow` (RFC 3261 §8.1.1.7, RFC 3581 §3)."""
        host, port = bracketed(self.host_for(flow)), self._transport.listening_port(flow)
        return f"SIP/2.0/{flow.transport} {host}:{port};branch={new_branch()};rport"

    def contact(self, flow: Flow, user: str) -> NameAddress:
        flow = self.usable(flow)
        is_udp = flow.transport is TransportProtocol.UDP
        uri = Uri(
            "sip",
            user,
            host=self.host_for(flow),
            port=self._transport.listening_port(flow),
            parameters={} if is_udp else {"transport": flow.transport.lower()},
        )
        return NameAddress("", uri)

    def media_address(self, flow: Flow) -> tuple[str, str]:
        flow = self.usable(flow)
        return flow.local.host, self.host_for(flow)


def bracketed(host: str) -> str:
    """A host as it stands in a Via or URI."""
    return f"[{host}]" if ":" in host else host
