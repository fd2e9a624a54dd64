from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Iterator

import pytest

from sip_daemon.errors import TransportError
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.transport import ListenerState, TransportLayer, TransportLimits, interfaces
from sip_daemon.transport.interfaces import InterfaceWatcher, LocalAddress, Network
from tests.support.messages import request_bytes
from tests.support.transport import RecordingReceiver, UdpPeer, eventually, free_port, running_layer

TCP, UDP = TransportProtocol.TCP, TransportProtocol.UDP


class Addresses:
    """The machine's addresses, as a test wants them."""

    def __init__(self, *hosts: str) -> None:
        self.hosts = list(hosts)

    def scan(self) -> tuple[LocalAddress, ...]:
        return tuple(LocalAddress(host, network_of(host), "lo") for host in self.hosts)


def network_of(host: str) -> Network:
    return ipaddress.ip_network("::1/128" if ":" in host else "127.0.0.0/8")


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> Addresses:
    made = Addresses("127.0.0.1", "::1")
    monkeypatch.setattr(interfaces, "scan", made.scan)
    return made


def udp_hosts(layer: TransportLayer) -> list[str]:
    return [status.address.host for status in layer.listeners if status.transport is UDP and status.is_listening]


async def test_all_addresses_means_a_udp_socket_for_each_and_tcp_for_both_families(addresses: Addresses) -> None:
    async with running_layer() as layer:
        statuses = await layer.listen("all", free_port())
        assert [(status.transport, status.address.host) for status in statuses] == [
            (UDP, "127.0.0.1"),
            (UDP, "::1"),
            (TCP, "0.0.0.0"),
            (TCP, "::"),
        ]
        assert all(status.is_listening for status in statuses)


async def test_a_wildcard_of_one_family_means_that_family_only(addresses: Addresses) -> None:
    async with running_layer() as layer:
        statuses = await layer.listen("0.0.0.0", free_port())
        assert [status.address.host for status in statuses] == ["127.0.0.1", "0.0.0.0"]


async def test_one_address_means_that_address(addresses: Addresses) -> None:
    async with running_layer() as layer:
        statuses = await layer.listen("127.0.0.1", free_port())
        assert [(status.transport, status.address.host) for status in statuses] == [
            (UDP, "127.0.0.1"),
            (TCP, "127.0.0.1"),
        ]


async def test_an_address_that_comes_is_listened_on_and_one_that_goes_is_closed(addresses: Addresses) -> None:
    receiver = RecordingReceiver()
    async with running_layer(receiver) as layer:
        port = free_port()
        await layer.listen("all", port)
        addresses.hosts = ["127.0.0.1", "127.0.0.2"]
        layer._addresses_changed()
        assert udp_hosts(layer) == ["127.0.0.1", "127.0.0.2"]
        with UdpPeer() as peer:
            peer.send(b"hello", TransportAddress("127.0.0.2", port))
            await eventually(lambda: bool(receiver.messages))
        assert layer.local_hosts == {"127.0.0.1", "127.0.0.2"}


async def test_a_socket_whose_address_stays_is_not_touched(addresses: Addresses) -> None:
    async with running_layer() as layer:
        port = free_port()
        await layer.listen("all", port)
        before = layer._udp.get(TransportAddress("127.0.0.1", port))
        addresses.hosts.append("127.0.0.2")
        layer._addresses_changed()
        assert layer._udp.get(TransportAddress("127.0.0.1", port)) is before


async def test_a_flow_whose_local_address_has_gone_is_led_over_the_one_that_is_left(addresses: Addresses) -> None:
    async with running_layer() as layer:
        port = free_port()
        addresses.hosts = ["127.0.0.2"]
        await layer.listen("all", port)
        with UdpPeer() as peer:
            stored = Flow(UDP, TransportAddress("127.0.0.2", port), peer.address)
            assert layer.usable(stored) is stored
            addresses.hosts = ["127.0.0.1"]
            layer._addresses_changed()
            with pytest.raises(TransportError, match="no longer an address"):
                layer.send(b"hello", stored)
            layer.send(b"hello", layer.usable(stored))
            assert await peer.receive() == (b"hello", TransportAddress("127.0.0.1", port))


async def test_the_kernel_tells_of_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A netlink message is only a trigger, so any readable socket will do for one."""
    ours, kernels = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    monkeypatch.setattr(interfaces, "open_netlink", lambda: ours)
    monkeypatch.setattr(interfaces, "SETTLE_SECONDS", 0.01)
    changes: list[bool] = []
    watcher = InterfaceWatcher(lambda: changes.append(True))
    for _ in range(5):
        kernels.send(b"news")
    await eventually(lambda: bool(changes))
    await asyncio.sleep(0.03)
    assert changes == [True]
    watcher.close()
    kernels.close()


async def test_without_netlink_addresses_are_scanned_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "open_netlink", lambda: None)
    monkeypatch.setattr(interfaces, "RESCAN_SECONDS", 0.005)
    changes: list[bool] = []
    watcher = InterfaceWatcher(lambda: changes.append(True))
    await eventually(lambda: len(changes) >= 2)
    watcher.close()


def test_this_machine_has_loopback_and_no_link_local_ipv6_address() -> None:
    found = interfaces.scan()
    assert "127.0.0.1" in {address.host for address in found}
    assert not [address for address in found if address.host.startswith("fe80")]


async def test_a_port_taken_by_another_program_is_named_and_leaves_the_others_running() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        async with running_layer() as layer:
            udp, tcp = await layer.listen("127.0.0.1", port)
            assert udp.state is ListenerState.FAILED
            assert udp.error is not None
            assert f"UDP 127.0.0.1:{port}: another program uses this port" in udp.error
            assert tcp.is_listening
            assert layer.listeners == [udp, tcp]


@contextlib.contextmanager
def taken_port() -> Iterator[int]:
    """A port on which another program has UDP and TCP."""
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", 0))
            port = int(udp.getsockname()[1])
            try:
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue  # Somebody else has it for TCP.
            tcp.listen()
            yield port
            return
    pytest.fail("no port is free for both UDP and TCP")


async def test_a_port_that_becomes_free_is_taken_at_the_next_scan(addresses: Addresses) -> None:
    addresses.hosts = ["127.0.0.1"]
    async with running_layer() as layer:
        with taken_port() as port:
            statuses = await layer.listen("all", port)
            assert [status.state for status in statuses] == [ListenerState.FAILED] * 2
        layer._addresses_changed()
        assert [status.state for status in layer.listeners] == [ListenerState.LISTENING] * 2


async def test_a_listener_that_goes_on_failing_is_logged_once(
    addresses: Addresses, caplog: pytest.LogCaptureFixture
) -> None:
    addresses.hosts = ["127.0.0.1"]
    async with running_layer() as layer:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            await layer.listen("all", other.getsockname()[1])
            layer._addresses_changed()
    assert [record.levelname for record in caplog.records].count("ERROR") == 1


async def test_connections_to_one_destination_are_shared() -> None:
    async with running_layer() as server, running_layer() as client:
        address = (await server.listen_tcp(TransportAddress("127.0.0.1", 0))).address
        flows = await asyncio.gather(*(client.connect(TCP, address) for _ in range(5)))
        assert len(set(flows)) == 1
        assert flows[0].remote == address
        assert await client.connect(TCP, address) == flows[0]
        assert client.flow_to(address, TCP) == flows[0]
        assert client.connection_count == 1


async def test_the_kernel_watches_connections_for_peers_that_lost_power() -> None:
    """RFC 1122 §4.2.3.6 and RFC 5482, on those that we open and those that we accept."""
    async with running_layer() as server, running_layer() as client:
        address = (await server.listen_tcp(TransportAddress("127.0.0.1", 0))).address
        await client.connect(TCP, address)
        await eventually(lambda: server.connection_count == 1)
        for layer in (server, client):
            (connection,) = layer._connections._by_number.values()
            assert connection._transport is not None
            sock = connection._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000


async def test_what_is_sent_on_a_connection_of_ours_arrives() -> None:
    receiver = RecordingReceiver()
    async with running_layer(receiver) as server, running_layer() as client:
        address = (await server.listen_tcp(TransportAddress("::1", 0))).address
        message = request_bytes(transport="TCP")
        client.send(message, await client.connect(TCP, address))
        await eventually(lambda: [data for data, _ in receiver.messages] == [message])


async def test_a_connection_that_is_refused_is_a_transport_error() -> None:
    async with running_layer() as layer:
        remote = TransportAddress("127.0.0.1", free_port(kind=socket.SOCK_STREAM))
        with pytest.raises(TransportError, match=r"TCP 127\.0\.0\.1"):
            await layer.connect(TCP, remote)
        with pytest.raises(TransportError, match="no TCP connection"):
            layer.flow_to(remote, TCP)


async def test_a_connection_that_nobody_answers_ends_in_time() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = TransportAddress(*full.getsockname())
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex((address.host, address.port))
        async with running_layer(limits=TransportLimits(connect_seconds=0.05)) as layer:
            with pytest.raises(TransportError, match="does not answer"):
                await layer.connect(TCP, address)
        for filler in fillers:
            filler.close()


async def test_a_transport_that_we_do_not_speak_cannot_be_connected() -> None:
    async with running_layer() as layer:
        with pytest.raises(TransportError, match="TLS"):
            await layer.connect(TransportProtocol.TLS, TransportAddress("127.0.0.1", 5061))


async def test_connecting_udp_is_finding_the_right_socket() -> None:
    async with running_layer() as layer:
        local = (await layer.listen_udp(TransportAddress("127.0.0.1", 0))).address
        remote = TransportAddress("127.0.0.1", 5070)
        assert await layer.connect(UDP, remote) == Flow(UDP, local, remote)


async def test_a_connection_of_ours_is_reached_at_the_port_that_we_listen_on() -> None:
    async with running_layer() as server, running_layer() as client:
        address = (await server.listen_tcp(TransportAddress("127.0.0.1", 0))).address
        flow = await client.connect(TCP, address)
        assert client.listening_port(flow) == flow.local.port
        own = (await client.listen_tcp(TransportAddress("127.0.0.1", 0))).address
        assert client.listening_port(flow) == own.port


async def test_closing_lets_the_last_bytes_leave_and_frees_the_ports() -> None:
    receiver = RecordingReceiver()
    layer = TransportLayer()
    layer.attach(receiver)
    udp, tcp = await layer.listen("127.0.0.1", free_port())
    reader, writer = await asyncio.open_connection("127.0.0.1", tcp.address.port)
    writer.write(request_bytes(transport="TCP"))
    await eventually(lambda: bool(receiver.messages))
    layer.send(b"goodbye", receiver.messages[0][1])
    await layer.close()
    assert await reader.read() == b"goodbye"
    assert len(receiver.closed) == 1
    writer.close()
    async with running_layer() as again:
        assert all(status.is_listening for status in await again.listen("127.0.0.1", udp.address.port))


async def test_closing_twice_does_no_harm() -> None:
    async with running_layer() as layer:
        await layer.listen("127.0.0.1", free_port())
        await layer.close()
        await layer.close()
        assert layer.listeners == []


async def test_after_stop_listening_open_connections_live_on() -> None:
    receiver = RecordingReceiver()
    async with running_layer(receiver) as layer:
        address = (await layer.listen_tcp(TransportAddress("127.0.0.1", 0))).address
        reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
        writer.write(request_bytes(transport="TCP"))
        await eventually(lambda: bool(receiver.messages))
        layer.stop_listening()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", address.port)
        layer.send(b"still here", receiver.messages[0][1])
        assert await reader.read(100) == b"still here"
        writer.close()
