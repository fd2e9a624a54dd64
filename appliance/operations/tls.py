"""SIP over TLS as it is at this moment: asked of the daemon, which serves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from appliance.operations.context import Context
from appliance.operations.live import daemon


@dataclass(frozen=True, slots=True)
class TlsListener:
    """An address that TLS is spoken on, or should be."""

    transport: str
    address: str
    port: int
    state: str
    """listening or failed."""
    error: str | None


@dataclass(frozen=True, slots=True)
class ServedCertificate:
    """What new handshakes get."""

    key_type: str
    fingerprint: str
    serial: str
    not_after: float
    """Unix seconds."""
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HandshakeFailure:
    """A peer that could not connect, and why."""

    at: float
    source: str
    port: int
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class TlsState:
    """What is served, by which rules, and who failed lately."""

    enabled: bool
    listeners: tuple[TlsListener, ...]
    certificates: tuple[ServedCertificate, ...]
    min_version: str
    ciphers: str
    client_auth: str
    ca_files: tuple[str, ...]
    reloaded_at: float | None
    reload_error: str | None
    failures: tuple[HandshakeFailure, ...]
    """The latest first."""

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why phones cannot connect, or not as the settings say; in sentences."""
        found = [one.error for one in self.listeners if one.error]
        return (*found, *([self.reload_error] if self.reload_error else []))


def tls_state(context: Context) -> TlsState:
    """For administrators. Raises `NotReachable` when the phone system does not run."""
    context.require_admin()
    return read_state(daemon(context).call("tls.status"))


def read_state(answer: dict[str, Any]) -> TlsState:
    policy = answer["policy"]
    certificates = (
        ServedCertificate(key_type, one["fingerprint"], one["serial"], one["not_after"], tuple(one["names"]))
        for key_type, one in answer["certificates"].items()
    )
    failures = sorted((HandshakeFailure(**one) for one in answer["failures"]), key=lambda one: one.at, reverse=True)
    return TlsState(
        enabled=answer["enabled"],
        listeners=tuple(TlsListener(**one) for one in answer["listeners"]),
        certificates=tuple(certificates),
        min_version=policy["min_version"],
        ciphers=policy["ciphers"],
        client_auth=policy["client_auth"],
        ca_files=tuple(policy["ca_files"]),
        reloaded_at=answer["reloaded_at"],
        reload_error=answer["reload_error"],
        failures=tuple(failures),
    )
