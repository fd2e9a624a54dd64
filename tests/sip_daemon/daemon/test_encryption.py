"""The encrypted listeners follow the settings and the installed certificates while the daemon runs."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.certificates.bundle import load
from appliance.certificates.store import CHAIN, KEY, CertificateStore
from appliance.settings import Settings
from sip_daemon.daemon.encryption import Encryption
from sip_daemon.flow import TransportAddress
from sip_daemon.store import Event
from sip_daemon.transport import TlsError, TransportLayer
from tests.support.certificates import Authority, Issued
from tests.support.transport import eventually, running_layer
from tests.support.waiting import free_port

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@dataclass
class Desk:
    """The part under test with its neighbours."""

    folder: Path
    layer: TransportLayer
    port: int = field(default_factory=free_port)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.encryption = Encryption(self.layer, self.settings(), self.events.append, lambda: 1_800_000_000.0)

    def settings(self, **variables: str) -> Settings:
        on = {"GOSIP_BIND_ADDRESS": HOST, "GOSIP_TLS_ENABLED": "true", "GOSIP_TLS_PORT": str(self.port)}
        return Settings.from_environment(self.folder, on | variables)

    @property
    def store(self) -> CertificateStore:
        return CertificateStore(self.settings().folder.certificates)

    def install(self, issued: Issued, now: datetime | None = None) -> Path:
        now = now or datetime.now(UTC)
        return self.store.install(load(issued.chain_pem, issued.key_pem, now=now), now=now)

    async def follow(self, **variables: str) -> None:
        await self.encryption.follow(self.settings(**variables))

    async def shown(self, client: ssl.SSLContext, port: int | None = None) -> str:
        """The fingerprint that a client sees."""
        _, writer = await asyncio.open_connection(HOST, port or self.port, ssl=client)
        writer.close()
        return hashlib.sha256(writer.get_extra_info("ssl_object").getpeercert(True)).hexdigest()

    @property
    def listeners(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.encryption.status()["listeners"]
        return found


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with running_layer() as layer:
        yield Desk(tmp_path, layer)


async def test_nothing_is_encrypted_unless_it_is_set(desk: Desk, authority: Authority) -> None:
    desk.install(authority.issue())
    await desk.follow(GOSIP_TLS_ENABLED="false")
    assert desk.encryption.status()["enabled"] is False
    assert desk.listeners == []


async def test_switched_on_it_serves_what_is_installed_and_says_so(desk: Desk, authority: Authority) -> None:
    issued = authority.issue("rsa", "pbx.example", HOST)
    desk.install(issued)
    await desk.follow()
    assert await desk.shown(authority.client()) == issued.fingerprint
    status = desk.encryption.status()
    assert status["certificates"]["rsa"]["fingerprint"] == issued.fingerprint
    assert status["certificates"]["rsa"]["names"] == ["pbx.example", HOST]
    assert status["policy"] == {"min_version": "1.2", "ciphers": "modern", "client_auth": "none", "ca_files": []}
    assert (status["reloaded_at"], status["reload_error"], status["failures"]) == (1_800_000_000.0, None, [])


async def test_both_kinds_of_key_are_served_after_a_reload(desk: Desk, authority: Authority) -> None:
    rsa, ecdsa = authority.issue("rsa"), authority.issue("ecdsa")
    desk.install(rsa)
    await desk.follow()
    desk.install(ecdsa)
    assert set((await desk.encryption.reload())["certificates"]) == {"rsa", "ecdsa"}
    for issued, suite in ((rsa, "ECDHE-RSA-AES128-GCM-SHA256"), (ecdsa, "ECDHE-ECDSA-AES128-GCM-SHA256")):
        client = authority.client(ssl.TLSVersion.TLSv1_2)
        client.set_ciphers(suite)
        assert await desk.shown(client) == issued.fingerprint


def spoil(folder: Path, how: str, authority: Authority) -> None:
    if how == "truncated":
        (folder / CHAIN).write_bytes((folder / CHAIN).read_bytes()[:200])
    elif how == "empty":
        (folder / CHAIN).write_bytes(b"")
    elif how == "wrong key":
        (folder / KEY).write_bytes(authority.issue("rsa").key_pem)
    elif how == "expired":
        (folder / CHAIN).write_bytes((expired := authority.issue("rsa", days=-1)).chain_pem)
        (folder / KEY).write_bytes(expired.key_pem)


@pytest.mark.parametrize("how", ["truncated", "empty", "wrong key", "expired"])
async def test_a_bad_pair_is_refused_with_the_reason_and_the_old_one_goes_on(
    desk: Desk, authority: Authority, how: str
) -> None:
    issued = authority.issue()
    folder = desk.install(issued)
    await desk.follow()
    spoil(folder, how, authority)
    with pytest.raises(TlsError) as refused:
        await desk.encryption.reload()
    assert desk.encryption.status()["reload_error"] == str(refused.value)
    assert str(refused.value)
    assert await desk.shown(authority.client()) == issued.fingerprint
    renewed = authority.issue()
    desk.install(renewed, datetime.now(UTC) + timedelta(seconds=1))
    await desk.encryption.reload()
    assert desk.encryption.status()["reload_error"] is None
    assert await desk.shown(authority.client()) == renewed.fingerprint


async def test_without_certificate_the_listener_is_named_and_opens_with_the_first_one(
    desk: Desk, authority: Authority
) -> None:
    await desk.follow()
    assert [(one["state"], one["error"]) for one in desk.listeners] == [
        ("failed", f"Cannot listen on TLS {HOST}:{desk.port}. There is no certificate to serve.")
    ]
    assert [event.kind for event in desk.events] == ["tls-policy-failed"]
    issued = authority.issue()
    desk.install(issued)
    await desk.encryption.reload()
    assert [one["state"] for one in desk.listeners] == ["listening"]
    assert await desk.shown(authority.client()) == issued.fingerprint


async def test_a_port_that_is_taken_leaves_the_rest_running(desk: Desk, authority: Authority) -> None:
    desk.install(authority.issue())
    tcp = await desk.layer.listen_tcp(TransportAddress(HOST, 0))
    await desk.follow(GOSIP_TLS_PORT=str(tcp.address.port))
    assert "another program uses this port" in desk.listeners[0]["error"]
    assert tcp in desk.layer.listeners


async def test_the_port_moves_and_closes_and_the_open_connection_lives_on(desk: Desk, authority: Authority) -> None:
    desk.install(authority.issue())
    await desk.follow()
    reader, writer = await asyncio.open_connection(HOST, desk.port, ssl=authority.client())
    await eventually(lambda: desk.layer.connection_count == 1)
    other = free_port()
    await desk.follow(GOSIP_TLS_PORT=str(other))
    assert await desk.shown(authority.client(), other)
    with pytest.raises(ConnectionRefusedError):
        await desk.shown(authority.client())
    await desk.follow(GOSIP_TLS_ENABLED="false")
    assert desk.listeners == []
    writer.write(b"\r\n\r\n")
    assert await reader.readexactly(2) == b"\r\n"
    writer.close()


async def test_new_rules_hold_for_the_next_handshake(desk: Desk, authority: Authority, tmp_path: Path) -> None:
    desk.install(authority.issue())
    await desk.follow()
    (listener,) = desk.listeners
    await desk.follow(GOSIP_TLS_MIN_VERSION="1.3")
    with pytest.raises(OSError):
        await desk.shown(authority.client(ssl.TLSVersion.TLSv1_2))
    ca_file = authority.write(tmp_path / "ca.pem")
    await desk.follow(GOSIP_TLS_CLIENT_AUTH="require", GOSIP_TLS_CA_FILE=str(ca_file))
    with pytest.raises(OSError):
        await desk.shown(authority.client(ssl.TLSVersion.TLSv1_2))
    phone = authority.issue("ecdsa", "phone", for_clients=True).write(tmp_path / "phone")
    assert await desk.shown(authority.client(ssl.TLSVersion.TLSv1_2, phone))
    assert desk.listeners == [listener], "nothing was opened anew"


async def test_rules_that_cannot_be_kept_are_told_and_the_former_ones_go_on(desk: Desk, authority: Authority) -> None:
    issued = authority.issue()
    desk.install(issued)
    await desk.follow()
    await desk.follow(GOSIP_TLS_CLIENT_AUTH="require")
    assert desk.events[-1].message.startswith("TLS goes on as before the settings were changed. Phones are asked for")
    assert await desk.shown(authority.client()) == issued.fingerprint


async def test_a_failed_handshake_is_an_event(desk: Desk, authority: Authority) -> None:
    desk.install(authority.issue())
    await desk.follow(GOSIP_TLS_MIN_VERSION="1.3")
    with pytest.raises(OSError):
        await desk.shown(authority.client(ssl.TLSVersion.TLSv1_2))
    await eventually(lambda: bool(desk.events))
    assert desk.events[0].message == (
        f"{HOST} could not connect to port {desk.port} by TLS. It speaks TLS 1.2 at most, and TLS 1.3 is the lowest "
        "that is taken. Newer firmware may help."
    )
    assert desk.encryption.status()["failures"][0]["count"] == 1
