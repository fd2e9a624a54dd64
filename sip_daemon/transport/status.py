"""What became of a listener, in words that tell a person what to do (what, why, what next)."""

from __future__ import annotations

import errno
import logging
from dataclasses import dataclass
from enum import StrEnum

from sip_daemon.flow import TransportAddress, TransportProtocol

logger = logging.getLogger("sip_daemon.transport")


class ListenerState(StrEnum):
    LISTENING = "listening"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ListenerStatus:
    """One address that we listen on, or would."""

    transport: TransportProtocol
    address: TransportAddress
    state: ListenerState
    error: str | None = None
    """One sentence or two, for a person; None while it listens."""

    @property
    def is_listening(self) -> bool:
        return self.state is ListenerState.LISTENING

    @classmethod
    def listening(cls, transport: TransportProtocol, address: TransportAddress) -> ListenerStatus:
        return cls(transport, address, ListenerState.LISTENING)

    @classmethod
    def failed(cls, transport: TransportProtocol, address: TransportAddress, error: OSError) -> ListenerStatus:
        return cls(transport, address, ListenerState.FAILED, explain(error, transport, address))

    @classmethod
    def without_certificate(cls, transport: TransportProtocol, address: TransportAddress, why: str) -> ListenerStatus:
        return cls(transport, address, ListenerState.FAILED, f"Cannot listen on {transport} {address}. {why}")


def explain(error: OSError, transport: TransportProtocol, address: TransportAddress) -> str:
    """Why nobody can reach us there, and what to do about it."""
    place = f"{transport} {address}"
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Cannot listen on {place}: another program uses this port. "
                f"Stop that program (`ss -lpn 'sport = :{address.port}'` names it) or choose another port."
            )
        case errno.EADDRNOTAVAIL:
            return (
                f"Cannot listen on {place}: this machine does not have the address {address.host}. "
                "Correct the bind address, or set it to `all`."
            )
        case errno.EACCES | errno.EPERM:
            return (
                f"Cannot listen on {place}: the system does not allow this user to use the port. "
                "Choose a port above 1023, or grant CAP_NET_BIND_SERVICE."
            )
        case errno.EAFNOSUPPORT:
            return f"Cannot listen on {place}: this machine has no IPv6. Set the bind address to an IPv4 one."
        case errno.EMFILE | errno.ENFILE:
            return (
                f"Cannot listen on {place}: too many files are open. "
                "Raise the limit of open files (`ulimit -n`, or minfds of supervisor)."
            )
        case _:
            return f"Cannot listen on {place}: {error.strerror or error}."


def log_listener(status: ListenerStatus) -> None:
    """The one line for each listener; the fields are there for a machine to read as well."""
    fields = {
        "transport": status.transport.value,
        "address": status.address.host,
        "port": status.address.port,
        "state": status.state.value,
    }
    if status.is_listening:
        logger.info("listening on %s %s", status.transport, status.address, extra=fields)
    else:
        logger.error("%s", status.error, extra=fields)
