"""TLS of the listeners over real loopback sockets, with OpenSSL's client: RFC 3261 §26, RFC 8446, RFC 8996."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from appliance.certificates.policy import COMPATIBLE_CIPHERS, MODERN_CIPHERS
from sip_daemon.flow import TransportAddress, TransportProtocol
from sip_daemon.transport import (
    HandshakeFailure,
    KeyPair,
    ListenerStatus,
    TlsError,
    TlsPolicy,
    TransportLayer,
    TransportLimits,
)
from tests.support.certificates import Authority, Issued
from tests.support.messages import request_bytes
from tests.support.transport import LOOPBACK, RecordingReceiver, eventually, running_layer
from tests.support.waiting import free_port

V1_1, V1_2, V1_3 = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VERSIONS = (V1_2, V1_3)
QUICK = TransportLimits(sweep_seconds=0.01)

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def other_authority() -> Authority:
    return Authority("Somebody else's root")


@pytest.fixture(scope="module")
def rsa(authority: Authority) -> Issued:
    return authority.issue("rsa")


@pytest.fixture(scope="module")
def ecdsa(authority: Authority) -> Issued:
    return authority.issue("ecdsa")


def policy_of(folder: Path, *issued: Issued) -> TlsPolicy:
    pairs = tuple(KeyPair(*one.write(folder / str(number))) for number, one in enumerate(issued))
    return TlsPolicy(pairs, MODERN_CIPHERS)


@dataclass
class Serving:
    """A layer that listens for TLS on loopback."""

    layer: TransportLayer
    receiver: RecordingReceiver
    status: ListenerStatus

    async def connect(self, context: ssl.SSLContext) -> Client:
        address = self.status.address
        return await asyncio.open_connection(address.host, address.port, ssl=context)

    async def fingerprint(self, context: ssl.SSLContext) -> str:
        """Of the certificate that this client is shown."""
        _, writer = await self.connect(context)
        writer.close()
        return hashlib.sha256(writer.get_extra_info("ssl_object").getpeercert(True)).hexdigest()

    async def is_refused(self, context: ssl.SSLContext) -> bool:
        """In TLS 1.3 a client hears of it at its first read only."""
        try:
            reader, writer = await self.connect(context)
            with contextlib.closing(writer):
                writer.write(b"\r\n\r\n")
                async with asyncio.timeout(5):
                    return await reader.read(1) == b""
        except OSError:
            return True

    async def reason(self) -> str:
        """Why the last handshake failed."""
        await eventually(lambda: bool(self.layer.tls.failures.latest))
        return self.layer.tls.failures.latest[0].reason


@contextlib.asynccontextmanager
async def serving(
    policy: TlsPolicy, host: str = "127.0.0.1", limits: TransportLimits = QUICK
) -> AsyncIterator[Serving]:
    receiver = RecordingReceiver()
    async with running_layer(receiver, limits) as layer:
        layer.tls.context = policy.make_context()
        (status,) = await layer.listen_tls(host, 0)
        yield Serving(layer, receiver, status)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("host", LOOPBACK)
async def test_a_message_is_answered_on_its_own_connection(
    tmp_path: Path, authority: Authority, rsa: Issued, host: str, version: ssl.TLSVersion
) -> None:
    async with serving(policy_of(tmp_path, rsa), host) as server:
        reader, writer = await server.connect(authority.client(version))
        message = request_bytes(transport="TLS")
        writer.write(message)
        await eventually(lambda: bool(server.receiver.messages))
        data, flow = server.receiver.messages[0]
        assert data == message
        assert flow.transport is TransportProtocol.TLS
        assert flow.remote.port == writer.get_extra_info("sockname")[1]
        assert server.layer.listening_port(flow) == server.status.address.port
        server.layer.send(b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", flow)
        assert await reader.readuntil(b"\r\n\r\n") == b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"
        assert server.layer.flow_to(flow.remote, TransportProtocol.TLS) == flow
        writer.close()


async def test_each_client_gets_the_kind_of_key_that_it_can_use(
    tmp_path: Path, authority: Authority, rsa: Issued, ecdsa: Issued
) -> None:
    async with serving(policy_of(tmp_path, rsa, ecdsa)) as server:
        for issued, suite in ((rsa, "ECDHE-RSA-AES128-GCM-SHA256"), (ecdsa, "ECDHE-ECDSA-AES128-GCM-SHA256")):
            client = authority.client(V1_2)
            client.set_ciphers(suite)
            assert await server.fingerprint(client) == issued.fingerprint


async def test_a_new_context_serves_the_next_connection_and_keeps_the_open_ones(
    tmp_path: Path, authority: Authority, rsa: Issued
) -> None:
    renewed = authority.issue("rsa")
    async with serving(policy_of(tmp_path / "old", rsa)) as server:
        client = authority.client()
        reader, writer = await server.connect(client)
        server.layer.tls.context = policy_of(tmp_path / "new", renewed).make_context()
        assert await server.fingerprint(client) == renewed.fingerprint
        writer.write(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\r\n"
        writer.close()


async def test_a_ticket_of_the_old_context_does_not_show_the_old_certificate(
    tmp_path: Path, authority: Authority, rsa: Issued
) -> None:
    renewed = authority.issue("rsa")
    async with serving(policy_of(tmp_path / "old", rsa)) as server:
        address, client = server.status.address, authority.client(V1_2)

        def shake_hands(session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool, bytes]:
            raw = socket.create_connection((address.host, address.port), 5)
            with client.wrap_socket(raw, server_hostname=address.host, session=session) as sock:
                return sock.session, bool(sock.session_reused), sock.getpeercert(True) or b""

        session, _, _ = await asyncio.to_thread(shake_hands, None)
        server.layer.tls.context = policy_of(tmp_path / "new", renewed).make_context()
        _, is_resumed, shown = await asyncio.to_thread(shake_hands, session)
        assert not is_resumed
        assert hashlib.sha256(shown).hexdigest() == renewed.fingerprint


@pytest.mark.parametrize("client_auth", [ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED])
@pytest.mark.parametrize("version", VERSIONS)
async def test_client_certificates_are_checked_where_they_are_asked_for(
    tmp_path: Path,
    authority: Authority,
    other_authority: Authority,
    rsa: Issued,
    version: ssl.TLSVersion,
    client_auth: ssl.VerifyMode,
) -> None:
    ca_file = authority.write(tmp_path / "ca.pem")
    policy = replace(policy_of(tmp_path, rsa), client_auth=client_auth, ca_file=ca_file)
    good = authority.issue("ecdsa", "phone", for_clients=True).write(tmp_path / "good")
    foreign = other_authority.issue("ecdsa", "phone", for_clients=True).write(tmp_path / "foreign")
    wrong_purpose = authority.issue("ecdsa", "phone").write(tmp_path / "server")
    async with serving(policy) as server:
        assert not await server.is_refused(authority.client(version, good))
        assert await server.is_refused(authority.client(version)) == (client_auth is ssl.CERT_REQUIRED)
        if client_auth is ssl.CERT_REQUIRED:
            assert "showed no certificate" in await server.reason()
        assert await server.is_refused(authority.client(version, foreign))
        assert await server.is_refused(authority.client(version, wrong_purpose))
        await eventually(lambda: "purpose" in server.layer.tls.failures.latest[0].reason)


@pytest.mark.parametrize("version", VERSIONS)
async def test_nobody_is_asked_for_a_certificate_unless_it_is_set(
    tmp_path: Path, authority: Authority, other_authority: Authority, rsa: Issued, version: ssl.TLSVersion
) -> None:
    foreign = other_authority.issue("ecdsa", "phone", for_clients=True).write(tmp_path / "foreign")
    async with serving(policy_of(tmp_path, rsa)) as server:
        assert not await server.is_refused(authority.client(version, foreign))


# RFC 8996: versions before 1.2 are not to be spoken.


async def test_tls_1_1_is_refused_and_the_reason_says_which_version_came(
    tmp_path: Path, authority: Authority, rsa: Issued
) -> None:
    async with serving(policy_of(tmp_path, rsa)) as server:
        assert await server.is_refused(authority.client(V1_1))
        assert "TLS 1.1 at most, and TLS 1.2 is the lowest" in await server.reason()


async def test_with_1_3_as_the_lowest_a_1_2_client_is_refused_by_name(
    tmp_path: Path, authority: Authority, rsa: Issued
) -> None:
    async with serving(replace(policy_of(tmp_path, rsa), min_version=V1_3)) as server:
        assert await server.is_refused(authority.client(V1_2))
        assert "TLS 1.2 at most, and TLS 1.3 is the lowest" in await server.reason()
        assert not await server.is_refused(authority.client(V1_3))


async def test_an_old_suite_is_named_and_the_compatible_ones_take_it(
    tmp_path: Path, authority: Authority, rsa: Issued
) -> None:
    policy = policy_of(tmp_path, rsa)
    client = authority.client(V1_2)
    client.set_ciphers("ECDHE-RSA-AES128-SHA256")
    async with serving(policy) as server:
        assert await server.is_refused(client)
        assert await server.reason() == (
            "It offers no cipher suite that is allowed here, but ECDHE-RSA-AES128-SHA256. "
            "The compatible suites may help."
        )
        server.layer.tls.context = replace(policy, ciphers=COMPATIBLE_CIPHERS).make_context()
        assert not await server.is_refused(client)


async def test_a_client_without_a_suite_for_our_key_is_told_apart(
    tmp_path: Path, authority: Authority, rsa: Issued
) -> None:
    client = authority.client(V1_2)
    client.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    async with serving(policy_of(tmp_path, rsa)) as server:
        assert await server.is_refused(client)
        assert await server.reason() == (
            "It can use only an ECDSA certificate, and none is installed. Let certificates of both kinds be made."
        )


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_phone_that_does_not_trust_us_is_named(
    tmp_path: Path, other_authority: Authority, rsa: Issued, version: ssl.TLSVersion
) -> None:
    async with serving(policy_of(tmp_path, rsa)) as server:
        address, client = server.status.address, other_authority.client(version)

        def shake_hands() -> None:
            # asyncio's client ends the connection without the alert that phones send.
            with socket.create_connection((address.host, address.port), 5) as raw:
                client.wrap_socket(raw, server_hostname=address.host)

        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.to_thread(shake_hands)
        assert "does not know the authority" in await server.reason()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (request_bytes(transport="TCP"), "It speaks SIP without encryption."),
        (b"GET / HTTP/1.1\r\nHost: pbx\r\n\r\n", "It speaks HTTP without encryption."),
        (b"\r\n\r\n", "It sends keep-alives without encryption."),
        (b"\0\xff\x16 garbage", "What it sends is no TLS."),
        (b"\x16\x03\x01\x00\x05hello", "The handshake failed"),
    ],
)
async def test_what_is_no_tls_is_closed_and_named(tmp_path: Path, rsa: Issued, said: bytes, reason: str) -> None:
    async with serving(policy_of(tmp_path, rsa)) as server:
        reader, writer = await asyncio.open_connection(server.status.address.host, server.status.address.port)
        writer.write(said)
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                await reader.read()
        assert (await server.reason()).startswith(reason)
        assert server.receiver.messages == []
        writer.close()


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01"])
async def test_who_never_shakes_hands_is_closed_in_time(tmp_path: Path, rsa: Issued, said: bytes) -> None:
    async with serving(policy_of(tmp_path, rsa), limits=replace(QUICK, handshake_seconds=0.05)) as server:
        reader, writer = await asyncio.open_connection(server.status.address.host, server.status.address.port)
        writer.write(said)
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                await reader.read()
        assert (await server.reason()).endswith("in time.")
        writer.close()


async def test_a_health_check_that_only_connects_is_no_failure(
    tmp_path: Path, authority: Authority, rsa: Issued
) -> None:
    async with serving(policy_of(tmp_path, rsa)) as server:
        _, writer = await asyncio.open_connection(server.status.address.host, server.status.address.port)
        writer.close()
        await writer.wait_closed()
        assert await server.fingerprint(authority.client()) == rsa.fingerprint
        assert server.layer.tls.failures.latest == ()


async def test_one_source_is_reported_once_a_minute_and_counted_each_time(
    tmp_path: Path, authority: Authority, rsa: Issued
) -> None:
    reported: list[HandshakeFailure] = []
    async with serving(policy_of(tmp_path, rsa)) as server:
        server.layer.tls.failures.report = reported.append
        for _ in range(3):
            assert await server.is_refused(authority.client(V1_1))
        await eventually(lambda: server.layer.tls.failures.latest[0].count == 3)
        assert [(one.source, one.port) for one in reported] == [("127.0.0.1", server.status.address.port)]


# What a context is made from


async def test_a_listener_without_certificate_is_named_and_opens_when_there_is_one(
    tmp_path: Path, authority: Authority, rsa: Issued
) -> None:
    async with running_layer() as layer:
        layer.tls.trouble = "There is no certificate to serve."
        port = free_port()
        (failed,) = await layer.listen_tls("127.0.0.1", port)
        assert failed.error == f"Cannot listen on TLS 127.0.0.1:{port}. There is no certificate to serve."
        layer.tls.context = policy_of(tmp_path, rsa).make_context()
        layer.retry()
        assert all(status.is_listening for status in layer.listeners)
        assert await Serving(layer, RecordingReceiver(), layer.listeners[-1]).fingerprint(authority.client())


async def test_a_closed_listener_leaves_its_connections_and_the_other_transports(
    tmp_path: Path, authority: Authority, rsa: Issued
) -> None:
    async with serving(policy_of(tmp_path, rsa)) as server:
        await server.layer.listen_tcp(TransportAddress("127.0.0.1", 0))
        reader, writer = await server.connect(authority.client())
        await eventually(lambda: server.layer.connection_count == 1)
        server.layer.stop_listening_on(TransportProtocol.TLS)
        assert [status.transport for status in server.layer.listeners] == [TransportProtocol.TCP]
        with pytest.raises(ConnectionRefusedError):
            await server.connect(authority.client())
        writer.write(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\r\n"
        writer.close()


def test_a_pair_that_does_not_fit_makes_no_context(tmp_path: Path, authority: Authority, rsa: Issued) -> None:
    stranger = Issued(rsa.chain_pem, authority.issue("rsa").key_pem, "")
    with pytest.raises(TlsError, match="the key does not belong to the certificate"):
        policy_of(tmp_path, stranger).make_context()


@pytest.mark.parametrize("chain", [b"", b"-----BEGIN CERTIFICATE-----\nMII"])
def test_a_damaged_file_makes_no_context(tmp_path: Path, rsa: Issued, chain: bytes) -> None:
    with pytest.raises(TlsError, match="cannot be served"):
        policy_of(tmp_path, Issued(chain, rsa.key_pem, "")).make_context()


def test_a_missing_file_makes_no_context(tmp_path: Path) -> None:
    with pytest.raises(TlsError, match="cannot be read: No such file"):
        TlsPolicy((KeyPair(tmp_path / "a", tmp_path / "b"),), MODERN_CIPHERS).make_context()


def test_certificates_are_not_asked_for_without_an_authority(tmp_path: Path, rsa: Issued) -> None:
    with pytest.raises(TlsError, match="no authority is named"):
        replace(policy_of(tmp_path, rsa), client_auth=ssl.CERT_REQUIRED).make_context()
