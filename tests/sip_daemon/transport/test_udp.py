from __future__ import annotations

import asyncio
import errno

import pytest

from sip_daemon.errors import TransportError
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.transport import TransportLimits, udp
from sip_daemon.transport.udp import UdpSocket, extended_error
from tests.support.transport import LOOPBACK, RecordingReceiver, UdpPeer, eventually, free_port, running_layer


@pytest.mark.parametrize("host", LOOPBACK)
async def test_an_answer_leaves_from_the_address_it_was_sent_to(host: str) -> None:
    receiver = RecordingReceiver()
    async with running_layer(receiver) as layer:
        local = (await layer.listen_udp(TransportAddress(host, 0))).address
        with UdpPeer(host) as peer:
            peer.send(b"hello", local)
            await eventually(lambda: bool(receiver.messages))
            data, flow = receiver.messages[0]
            assert (data, flow) == (b"hello", Flow(TransportProtocol.UDP, local, peer.address))
            layer.send(b"welcome", flow)
            assert await peer.receive() == (b"welcome", local)


async def test_two_addresses_of_one_family_are_told_apart() -> None:
    receiver = RecordingReceiver()
    async with running_layer(receiver) as layer:
        first = (await layer.listen_udp(TransportAddress("127.0.0.1", 0))).address
        second = (await layer.listen_udp(TransportAddress("127.0.0.2", first.port))).address
        with UdpPeer() as peer:
            peer.send(b"to two", second)
            await eventually(lambda: bool(receiver.messages))
            layer.send(b"from two", receiver.messages[0][1])
            assert await peer.receive() == (b"from two", second)


async def test_datagrams_arrive_in_order_and_none_is_lost_when_many_wait() -> None:
    receiver = RecordingReceiver()
    async with running_layer(receiver, TransportLimits(datagrams_per_wake=4)) as layer:
        local = (await layer.listen_udp(TransportAddress("127.0.0.1", 0))).address
        with UdpPeer() as peer:
            for number in range(50):
                peer.send(b"%d" % number, local)
            await eventually(lambda: len(receiver.messages) == 50)
    assert [data for data, _ in receiver.messages] == [b"%d" % number for number in range(50)]


async def test_it_is_told_when_a_backlog_waits_and_when_that_is_over() -> None:
    receiver = RecordingReceiver()
    told: list[bool] = []
    async with running_layer(receiver, TransportLimits(datagrams_per_wake=4, backlog_bytes=1)) as layer:
        layer.backlog_handler = told.append
        local = (await layer.listen_udp(TransportAddress("127.0.0.1", 0))).address
        with UdpPeer() as peer:
            for number in range(3):
                peer.send(b"%d" % number, local)
            await eventually(lambda: len(receiver.messages) == 3)
            assert told == []
            for number in range(10):
                peer.send(b"%d" % number, local)
            await eventually(lambda: len(receiver.messages) == 13)
    assert told == [True, True, False]


async def test_a_few_peers_that_ask_again_at_once_are_no_backlog() -> None:
    """Each wake takes all that it may, since more comes meanwhile; but nothing waits for long."""
    receiver = RecordingReceiver()
    told: list[bool] = []
    async with running_layer(receiver, TransportLimits(datagrams_per_wake=4)) as layer:
        layer.backlog_handler = told.append
        local = (await layer.listen_udp(TransportAddress("127.0.0.1", 0))).address
        with UdpPeer() as peer:
            for number in range(50):
                peer.send(b"x" * 700 + b"%d" % number, local)
            await eventually(lambda: len(receiver.messages) == 50)
    assert told == []


async def test_half_of_what_the_kernel_keeps_is_a_backlog_where_that_is_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "RECEIVE_BUFFER_BYTES", 4096)
    ours = UdpSocket(TransportAddress("127.0.0.1", 0))
    with UdpPeer() as peer:
        peer.send(b"x", ours.local)
        assert not ours.has_backlog(1_000_000)
        for _ in range(20):
            peer.send(b"x" * 700, ours.local)
        assert ours.has_backlog(1_000_000)
    ours.close()


async def test_an_empty_and_a_full_datagram_are_both_taken_whole() -> None:
    receiver = RecordingReceiver()
    async with running_layer(receiver) as layer:
        local = (await layer.listen_udp(TransportAddress("127.0.0.1", 0))).address
        with UdpPeer() as peer:
            peer.send(b"", local)
            peer.send(b"x" * 65_507, local)
            await eventually(lambda: len(receiver.messages) == 2)
    assert [len(data) for data, _ in receiver.messages] == [0, 65_507]


@pytest.mark.parametrize("host", LOOPBACK)
async def test_a_refused_datagram_is_reported_with_the_flow_that_it_was_for(host: str) -> None:
    """RFC 3261 §18.4: an ICMP port unreachable tells the transaction."""
    receiver = RecordingReceiver()
    async with running_layer(receiver) as layer:
        await layer.listen_udp(TransportAddress(host, 0))
        dead = layer.flow_to(TransportAddress(host, free_port(host)))
        layer.send(b"anybody?", dead)
        await eventually(lambda: bool(receiver.failed))
    flow, error = receiver.failed[0]
    assert flow == dead
    assert error.errno == errno.ECONNREFUSED


async def test_one_dead_peer_does_not_disturb_what_is_sent_to_another() -> None:
    receiver = RecordingReceiver()
    async with running_layer(receiver) as layer:
        local = (await layer.listen_udp(TransportAddress("127.0.0.1", 0))).address
        dead = layer.flow_to(TransportAddress("127.0.0.1", free_port()))
        with UdpPeer() as peer:
            alive = layer.flow_to(peer.address)
            for _ in range(3):
                layer.send(b"anybody?", dead)
                layer.send(b"hello", alive)
            assert [await peer.receive() for _ in range(3)] == [(b"hello", local)] * 3
            await eventually(lambda: bool(receiver.failed))
            peer.send(b"still there", local)
            await eventually(lambda: bool(receiver.messages))
    assert {flow for flow, _ in receiver.failed} == {dead}


class HauntedSocket:
    """A socket with the ICMP error of an earlier datagram pending: the next call is told of it."""

    def __init__(self, pending: list[int]) -> None:
        self.pending = pending
        self.sent: list[bytes] = []

    def sendto(self, data: bytes, _: object) -> None:
        if self.pending:
            raise OSError(self.pending.pop(), "")
        self.sent.append(data)


@pytest.mark.parametrize("code", [errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH])
def test_an_error_that_another_peer_left_is_not_taken_for_ones_own(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    udp = UdpSocket(TransportAddress("127.0.0.1", 0))
    udp.close()
    haunted = HauntedSocket([code])
    monkeypatch.setattr(udp, "_socket", haunted)
    udp.send(b"hello", TransportAddress("192.0.2.10", 5060))
    assert haunted.sent == [b"hello"]


def test_an_error_that_stays_is_a_transport_error(monkeypatch: pytest.MonkeyPatch) -> None:
    udp = UdpSocket(TransportAddress("127.0.0.1", 0))
    udp.close()
    monkeypatch.setattr(udp, "_socket", HauntedSocket([errno.EHOSTUNREACH, errno.EHOSTUNREACH]))
    with pytest.raises(TransportError):
        udp.send(b"hello", TransportAddress("192.0.2.10", 5060))


async def test_a_pending_icmp_error_does_not_keep_the_loop_busy() -> None:
    receiver = RecordingReceiver()
    async with running_layer(receiver) as layer:
        await layer.listen_udp(TransportAddress("127.0.0.1", 0))
        layer.send(b"anybody?", layer.flow_to(TransportAddress("127.0.0.1", free_port())))
        await eventually(lambda: bool(receiver.failed))
        reported = len(receiver.failed)
        await asyncio.sleep(0.02)
        assert len(receiver.failed) == reported


async def test_a_datagram_that_is_too_long_is_a_transport_error() -> None:
    async with running_layer() as layer:
        await layer.listen_udp(TransportAddress("127.0.0.1", 0))
        with UdpPeer() as peer, pytest.raises(TransportError):
            layer.send(b"x" * 65_536, layer.flow_to(peer.address))


async def test_ipv4_peers_do_not_reach_an_ipv6_socket() -> None:
    receiver = RecordingReceiver()
    async with running_layer(receiver) as layer:
        local = (await layer.listen_udp(TransportAddress("::1", 0))).address
        other = (await layer.listen_udp(TransportAddress("127.0.0.1", local.port))).address
        with UdpPeer() as peer:
            peer.send(b"hello", other)
            await eventually(lambda: bool(receiver.messages))
    assert receiver.messages[0][1].remote == peer.address
    assert not receiver.messages[0][1].remote.is_ipv6


async def test_there_is_no_flow_to_a_family_without_a_socket() -> None:
    async with running_layer() as layer:
        await layer.listen_udp(TransportAddress("127.0.0.1", 0))
        with pytest.raises(TransportError, match="no UDP socket"):
            layer.flow_to(TransportAddress("::1", 5060))


@pytest.mark.parametrize("host", ["localhost", "phone.example.com", "", "999.1.1.1"])
async def test_a_host_name_is_refused_before_anybody_asks_dns(host: str) -> None:
    async with running_layer() as layer:
        await layer.listen_udp(TransportAddress("127.0.0.1", 0))
        with pytest.raises(TransportError, match="not an IP address"):
            layer.flow_to(TransportAddress(host, 5060))
        with pytest.raises(TransportError, match="not an IP address"):
            await layer.connect(TransportProtocol.TCP, TransportAddress(host, 5060))


async def test_a_flow_to_a_port_that_does_not_exist_is_a_transport_error() -> None:
    async with running_layer() as layer:
        await layer.listen_udp(TransportAddress("127.0.0.1", 0))
        with pytest.raises(TransportError):
            layer.flow_to(TransportAddress("127.0.0.1", 99_999))


def test_the_flow_of_a_peer_is_made_once_and_the_oldest_is_forgotten() -> None:
    udp = UdpSocket(TransportAddress("127.0.0.1", 0), cached_flows=2)
    try:
        first = udp.flow(("127.0.0.1", 1001))
        assert udp.flow(("127.0.0.1", 1001)) is first
        for port in (1002, 1003):
            udp.flow(("127.0.0.1", port))
        again = udp.flow(("127.0.0.1", 1001))
        assert again == first
        assert again is not first
    finally:
        udp.close()


def test_control_messages_of_other_kinds_are_no_error() -> None:
    assert extended_error([(1, 2, b"\x6f\x00\x00\x00"), (0, 11, b"\x01")]) == 0
