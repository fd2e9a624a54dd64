"""The Via header field (RFC 3261 §20.42) with the rport of RFC 3581.

One rule: what the sender wrote is never believed as the way back; `received` and `rport` are written by us.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import TransportProtocol
from sip_daemon.message.grammar import LWS, format_host_port, is_token, parse_host_port
from sip_daemon.message.parameters import NO_PARAMETERS, Parameters

MAGIC_COOKIE = "z9hG4bK"
"""A branch that begins so is unique in space and time (§8.1.1.7)."""

_USUAL = {f"SIP/2.0/{transport}": transport for transport in TransportProtocol}
_TRANSPORTS: dict[str, str] = {str(transport): transport for transport in TransportProtocol}
_CACHED_LENGTH = 160
_PROTOCOL = re.compile(r"[ \t]*([^ \t/]+)[ \t]*/[ \t]*([^ \t/]+)[ \t]*/[ \t]*([^ \t/]+)[ \t]+")


@dataclass(frozen=True, slots=True)
class Via:
    """One hop: the transport in upper case (a `TransportProtocol` when we know it) and the sent-by address."""

    transport: str
    host: str
    port: int | None = None
    parameters: Mapping[str, str | None] = NO_PARAMETERS

    def __post_init__(self) -> None:
        if not isinstance(self.parameters, Parameters):
            object.__setattr__(self, "parameters", Parameters(self.parameters))

    @classmethod
    def parse(cls, text: str) -> Via:
        """Read one value; raises `RemoteProtocolError(400)`."""
        # All responses to a request of ours carry the same one; a CANCEL and the ACK of a refusal that of the INVITE.
        return _parse_cached(text) if len(text) <= _CACHED_LENGTH else _parse(text)

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {format_host_port(self.host, self.port)}{self.parameters}"

    @property
    def branch(self) -> str | None:
        return self.parameters.get("branch") or None

    @property
    def has_unique_branch(self) -> bool:
        """Whether the branch alone may identify the transaction (§17.2.3): the cookie and something behind it."""
        branch = self.branch
        return branch is not None and branch.startswith(MAGIC_COOKIE) and len(branch) > len(MAGIC_COOKIE)

    @property
    def wants_rport(self) -> bool:
        """Whether the sender asks for the answer at its source port (RFC 3581 §4)."""
        return "rport" in self.parameters

    @property
    def rport(self) -> int | None:
        """The port of a filled-in rport parameter."""
        text = self.parameters.get("rport") or ""
        if not text.isascii() or not text.isdigit() or len(text) > 5:
            return None
        port = int(text)
        return port if 0 < port <= 65_535 else None

    @property
    def received(self) -> str | None:
        """The address the request came from, without brackets (phones write both forms: RFC 5118 §4.5)."""
        text = self.parameters.get("received")
        return text.strip("[]") if text else None

    def with_source(self, host: str, port: int) -> Via:
        """A copy that says where the request came from: `received`, and `rport` if it was asked for."""
        source: dict[str, str | None] = {"received": host}
        if "rport" in self.parameters:
            source["rport"] = str(port)
        return Via(self.transport, self.host, self.port, Parameters(self.parameters).with_tokens(source))


def _parse(text: str) -> Via:
    protocol, _, rest = text.partition(" ")
    transport: str | None = _USUAL.get(protocol)
    if transport is None:
        transport, rest = _split_protocol(text)
    sent_by, semicolon, parameters = rest.partition(";")
    host, port = parse_host_port(sent_by.strip(LWS))
    if not semicolon:
        return Via(transport, host, port)
    return Via(transport, host, port, Parameters.parse(parameters))


_parse_cached = lru_cache(maxsize=1024)(_parse)


def _split_protocol(text: str) -> tuple[str, str]:
    """Transport and rest of a Via with unusual spacing, case, version or transport."""
    found = _PROTOCOL.match(text)
    if found is None or not all(is_token(part) for part in found.groups()) or found.group(1).upper() != "SIP":
        raise RemoteProtocolError("malformed Via")
    transport = found.group(3).upper()
    return _TRANSPORTS.get(transport, transport), text[found.end() :]
