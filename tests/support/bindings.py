"""Flows and bindings as tests of the registrar and the store need them."""

from __future__ import annotations

from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.registrar import Binding

LOCAL = TransportAddress("192.0.2.1", 5060)


def udp(host: str = "192.0.2.10", port: int = 5060) -> Flow:
    return Flow(TransportProtocol.UDP, LOCAL, TransportAddress(host, port))


def tcp(connection: int, host: str = "192.0.2.10", port: int = 40000) -> Flow:
    return Flow(TransportProtocol.TCP, LOCAL, TransportAddress(host, port), connection)


def binding(
    username: str = "1001",
    contact: str = "sip:1001@192.0.2.10:5060",
    *,
    flow: Flow | None = None,
    expires_at: float = 4600.0,
    instance: str | None = None,
    reg_id: int = 0,
    q: float = 1.0,
    call_id: str = "a",
    cseq: int = 1,
    reachable: bool = True,
) -> Binding:
    return Binding(
        username=username,
        contact=contact,
        flow=flow or udp(),
        expires_at=expires_at,
        registered_at=1_700_000_000.0,
        call_id=call_id,
        cseq=cseq,
        instance=instance,
        reg_id=reg_id,
        q=q,
        user_agent="Test phone 1.0",
        trouble="" if reachable else "its connection was closed",
    )
