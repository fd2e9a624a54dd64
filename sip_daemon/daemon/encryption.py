"""Joins the encrypted listeners to the settings and to the certificates that are installed.

Whatever changes, a new context is made beside the one that serves, from files that were checked; only a good one takes
its place. Nothing restarts, and no open connection notices.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from appliance.certificates.bundle import Bundle
from appliance.certificates.policy import CIPHERS
from appliance.certificates.store import CHAIN, KEY, KEY_TYPES, CertificateStore
from appliance.errors import CertificateError
from appliance.settings import Settings
from sip_daemon.daemon.describing import describe_listener
from sip_daemon.flow import TransportProtocol
from sip_daemon.store import Event
from sip_daemon.transport import ALL, HandshakeFailure, KeyPair, TlsError, TlsPolicy, TransportLayer

log = logging.getLogger(__name__)

VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
CLIENT_AUTH: Final = {"none": ssl.CERT_NONE, "request": ssl.CERT_OPTIONAL, "require": ssl.CERT_REQUIRED}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings say of encryption."""

    is_enabled: bool
    port: int
    min_version: str
    ciphers: str
    client_auth: str
    ca_file: str

    @classmethod
    def by(cls, settings: Settings) -> Wanted:
        return cls(
            settings.tls_enabled,
            settings.tls_port,
            settings.tls_min_version,
            settings.tls_ciphers,
            settings.tls_client_auth,
            settings.tls_ca_file,
        )

    @property
    def policy(self) -> tuple[str, ...]:
        """What goes into the context."""
        return self.min_version, self.ciphers, self.client_auth, self.ca_file


@dataclass(frozen=True, slots=True)
class Made:
    """A context, and the certificates in it by type of key."""

    context: ssl.SSLContext
    bundles: dict[str, Bundle]


class Encryption:
    """The encrypted listeners of the daemon, and what `tls.status` tells of them."""

    def __init__(
        self,
        transport: TransportLayer,
        settings: Settings,
        submit: Callable[[Event], None],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._transport = transport
        self._store = CertificateStore(settings.folder.certificates)
        self._bind = settings.bind_address or ALL
        self._submit = submit
        self._wall_clock = wall_clock
        self._wanted = replace(Wanted.by(settings), is_enabled=False)
        self._bundles: dict[str, Bundle] = {}
        self._reloaded_at: float | None = None
        self._reload_error: str | None = None
        self._one_at_a_time = asyncio.Lock()
        transport.tls.failures.report = self._report

    async def follow(self, settings: Settings) -> None:
        """Do what the settings say by now. What cannot be done is named in the listeners and in `tls.status`."""
        async with self._one_at_a_time:
            former, self._wanted = self._wanted, Wanted.by(settings)
            if former == self._wanted:
                return
            if not former.is_enabled:
                self._transport.tls.context = None  # of rules that may be long gone
            if self._wanted.is_enabled and (former.policy != self._wanted.policy or not former.is_enabled):
                try:
                    await self._renew()
                except TlsError as error:
                    log.error("%s", error)
                    self._submit(Event("tls-policy-failed", self._failure_text(error), "error"))
            if (former.is_enabled, former.port) != (self._wanted.is_enabled, self._wanted.port):
                await self._listen()

    async def reload(self) -> dict[str, Any]:
        """Serve what is installed now. Raises `TlsError` with the reason; what served before goes on then."""
        async with self._one_at_a_time:
            await self._renew()
            self._transport.retry()
            log.info("new handshakes get the certificates %s", self._describe_certificates())
            return {"certificates": self._describe_certificates()}

    def status(self) -> dict[str, Any]:
        wanted = self._wanted
        return {
            "enabled": wanted.is_enabled,
            "listeners": [describe_listener(one) for one in self._transport.listeners if one.transport.is_secure],
            "certificates": self._describe_certificates(),
            "policy": {
                "min_version": wanted.min_version,
                "ciphers": wanted.ciphers,
                "client_auth": wanted.client_auth,
                "ca_files": [wanted.ca_file] if wanted.ca_file else [],
            },
            "reloaded_at": self._reloaded_at,
            "reload_error": self._reload_error,
            "failures": [asdict(one) for one in self._transport.tls.failures.latest],
        }

    async def _listen(self) -> None:
        self._transport.stop_listening_on(TransportProtocol.TLS)
        if self._wanted.is_enabled:
            await self._transport.listen_tls(self._bind, self._wanted.port)

    async def _renew(self) -> None:
        """Raises `TlsError`."""
        tls = self._transport.tls
        try:
            made = await asyncio.to_thread(make, self._store, self._wanted)
        except TlsError as error:
            self._reload_error = str(error)
            tls.trouble = str(error)
            raise
        tls.context, self._bundles = made.context, made.bundles
        self._reloaded_at, self._reload_error = self._wall_clock(), None

    def _failure_text(self, error: TlsError) -> str:
        if self._transport.tls.context is None:
            return f"Phones cannot connect by TLS. {error}"
        return f"TLS goes on as before the settings were changed. {error}"

    def _describe_certificates(self) -> dict[str, dict[str, Any]]:
        return {key_type: describe_bundle(bundle) for key_type, bundle in self._bundles.items()}

    def _report(self, failure: HandshakeFailure) -> None:
        log.warning(
            "%s could not connect to port %d by TLS. %s",
            failure.source,
            failure.port,
            failure.reason,
            extra={"source": failure.source, "port": failure.port},
        )
        self._submit(
            Event(
                "tls-handshake-failed",
                f"{failure.source} could not connect to port {failure.port} by TLS. {failure.reason}",
                "warning",
                detail=asdict(failure),
            )
        )


def make(store: CertificateStore, wanted: Wanted) -> Made:
    """Reads and checks files, which takes milliseconds: for a thread. Raises `TlsError`."""
    now = datetime.now(UTC)
    bundles: dict[str, Bundle] = {}
    pairs: list[KeyPair] = []
    for key_type in KEY_TYPES:
        # Resolved once: what is checked is what is loaded, whatever is installed meanwhile.
        folder = store.current(key_type).resolve()
        try:
            bundle = store.load_version(folder, now=now)
        except CertificateError as error:
            raise TlsError(str(error)) from error
        if bundle is not None:
            bundles[key_type] = bundle
            pairs.append(KeyPair(folder / CHAIN, folder / KEY))
    policy = TlsPolicy(
        tuple(pairs),
        CIPHERS[wanted.ciphers],
        VERSIONS[wanted.min_version],
        CLIENT_AUTH[wanted.client_auth],
        Path(wanted.ca_file) if wanted.ca_file else None,
    )
    return Made(policy.make_context(), bundles)


def describe_bundle(bundle: Bundle) -> dict[str, Any]:
    """`serial` in hexadecimal digits, `not_after` in Unix seconds."""
    return {
        "fingerprint": bundle.fingerprint,
        "serial": f"{bundle.leaf.serial_number:x}",
        "not_after": bundle.not_after.timestamp(),
        "names": list(bundle.names),
    }
