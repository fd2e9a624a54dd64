"""The only SIP sockets of the daemon: bytes and flows come out, bytes go in (RFC 3261 §18)."""

from sip_daemon.transport.barred import Barred
from sip_daemon.transport.guard import OncePerSource, SourceRate, TokenBucket
from sip_daemon.transport.handshake_failures import HandshakeFailure
from sip_daemon.transport.interfaces import LocalAddress, Network
from sip_daemon.transport.layer import ALL, TransportLayer
from sip_daemon.transport.limits import TransportLimits
from sip_daemon.transport.locating import Target
from sip_daemon.transport.receiver import TransportReceiver
from sip_daemon.transport.resolver import DnsResolver
from sip_daemon.transport.status import ListenerState, ListenerStatus
from sip_daemon.transport.tls import KeyPair, TlsError, TlsPolicy, TlsServer

__all__ = [
    "ALL",
    "Barred",
    "DnsResolver",
    "HandshakeFailure",
    "KeyPair",
    "ListenerState",
    "ListenerStatus",
    "LocalAddress",
    "Network",
    "OncePerSource",
    "SourceRate",
    "Target",
    "TlsError",
    "TlsPolicy",
    "TlsServer",
    "TokenBucket",
    "TransportLayer",
    "TransportLimits",
    "TransportReceiver",
]
