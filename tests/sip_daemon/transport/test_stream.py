"""Stream connections over real loopback sockets; time-outs are set to hundredths of a second."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from sip_daemon.errors import TransportError
from sip_daemon.flow import TransportAddress, TransportProtocol
from sip_daemon.transport import TransportLayer, TransportLimits
from tests.support.messages import request_bytes
from tests.support.transport import LOOPBACK, RecordingReceiver, eventually, running_layer

QUICK = TransportLimits(sweep_seconds=0.01)


@dataclass
class Connected:
    """A layer with one listener, and a phone connected to it."""

    layer: TransportLayer
    receiver: RecordingReceiver
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def is_cut_off(self) -> bool:
        """Waits until the daemon closes the connection."""
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                await self.reader.read()
        return True


@contextlib.asynccontextmanager
async def connected(limits: TransportLimits = QUICK, host: str = "127.0.0.1") -> AsyncIterator[Connected]:
    receiver = RecordingReceiver()
    async with running_layer(receiver, limits) as layer:
        address = (await layer.listen_tcp(TransportAddress(host, 0))).address
        reader, writer = await asyncio.open_connection(address.host, address.port)
        try:
            yield Connected(layer, receiver, reader, writer)
        finally:
            writer.close()


@pytest.mark.parametrize("host", LOOPBACK)
async def test_a_message_is_answered_on_its_own_connection(host: str) -> None:
    async with connected(host=host) as phone:
        message = request_bytes(transport="TCP")
        phone.writer.write(message)
        await eventually(lambda: bool(phone.receiver.messages))
        data, flow = phone.receiver.messages[0]
        assert data == message
        assert flow.transport is TransportProtocol.TCP
        assert flow.connection > 0
        assert flow.local.host == flow.remote.host == host
        phone.layer.send(b"answer", flow)
        assert await phone.reader.read(100) == b"answer"


async def test_messages_in_one_segment_are_handed_on_apart_and_in_order() -> None:
    async with connected() as phone:
        messages = [request_bytes(transport="TCP", cseq=number) for number in range(1, 6)]
        phone.writer.write(b"".join(messages))
        await eventually(lambda: len(phone.receiver.messages) == 5)
        assert [data for data, _ in phone.receiver.messages] == messages


async def test_a_message_in_pieces_is_handed_on_when_it_is_whole() -> None:
    async with connected() as phone:
        message = request_bytes(transport="TCP")
        for start in range(0, len(message), 100):
            phone.writer.write(message[start : start + 100])
            await phone.writer.drain()
            await asyncio.sleep(0)
        await eventually(lambda: bool(phone.receiver.messages))
        assert [data for data, _ in phone.receiver.messages] == [message]


async def test_a_ping_is_answered_with_one_line_end() -> None:
    """RFC 5626 §4.4.1."""
    async with connected() as phone:
        phone.writer.write(b"\r\n\r\n")
        assert await phone.reader.readexactly(2) == b"\r\n"
        assert phone.receiver.messages == []


async def test_a_stream_that_cannot_be_framed_is_reported_and_closed() -> None:
    async with connected() as phone:
        good = request_bytes(transport="TCP")
        bad = request_bytes(transport="TCP", headers={"Content-Length": "many"})
        phone.writer.write(good + bad)
        assert await phone.is_cut_off()
        assert [data for data, _ in phone.receiver.messages] == [good]
        ((error, flow),) = phone.receiver.framing_errors
        assert error.status == 400
        await eventually(lambda: phone.receiver.closed == [flow])
        (_, connected_news), (_, ended) = phone.receiver.news
        assert connected_news == "Connected"
        assert ended.startswith("Connection ended: sent what is no message: ")


async def test_what_is_sent_at_a_framing_error_still_leaves() -> None:
    async with connected() as phone:
        answered = phone.receiver.framing_failed

        def answer(error: object, flow: object) -> None:
            answered(error, flow)  # type: ignore[arg-type]
            phone.layer.send(b"400", flow)  # type: ignore[arg-type]

        phone.receiver.framing_failed = answer  # type: ignore[method-assign]
        phone.writer.write(request_bytes(transport="TCP", headers={"Content-Length": "many"}))
        assert await phone.reader.read() == b"400"


async def test_any_bytes_end_in_silence_or_in_a_closed_connection() -> None:
    for garbage in (b"\x16\x03\x01" + bytes(300), b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 70_000):
        async with connected() as phone:
            phone.writer.write(garbage)
            with contextlib.suppress(ConnectionError):
                await phone.writer.drain()
                phone.writer.write_eof()
            assert await phone.is_cut_off()
            assert phone.receiver.messages == []


async def test_a_connection_that_closes_is_reported_once_and_takes_nothing_more() -> None:
    async with connected() as phone:
        phone.writer.write(request_bytes(transport="TCP"))
        await eventually(lambda: bool(phone.receiver.messages))
        flow = phone.receiver.messages[0][1]
        phone.writer.close()
        await eventually(lambda: bool(phone.receiver.closed))
        assert phone.receiver.closed == [flow]
        with pytest.raises(TransportError, match="closed"):
            phone.layer.send(b"too late", flow)
        with pytest.raises(TransportError, match="closed"):
            phone.layer.usable(flow)


async def test_a_reset_is_a_closed_flow_too() -> None:
    async with connected() as phone:
        phone.writer.write(request_bytes(transport="TCP"))
        await eventually(lambda: bool(phone.receiver.messages))
        sock = phone.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        phone.writer.transport.abort()
        await eventually(lambda: phone.receiver.closed == [phone.receiver.messages[0][1]])


async def test_a_peer_that_never_sends_a_message_is_cut_off() -> None:
    async with connected(TransportLimits(first_message_seconds=0.03, sweep_seconds=0.01)) as phone:
        assert await phone.is_cut_off()
        await eventually(lambda: len(phone.receiver.closed) == 1)


async def test_pings_alone_do_not_prove_a_peer() -> None:
    async with connected(TransportLimits(first_message_seconds=0.05, sweep_seconds=0.01)) as phone:
        phone.writer.write(b"\r\n\r\n")
        assert await phone.reader.readexactly(2) == b"\r\n"
        assert await phone.is_cut_off()


async def test_a_peer_that_drips_a_message_is_cut_off_though_it_is_never_silent() -> None:
    limits = TransportLimits(message_seconds=0.1, sweep_seconds=0.01)
    async with connected(limits) as phone:
        message = request_bytes(transport="TCP")
        with contextlib.suppress(ConnectionError):
            for start in range(len(message)):
                phone.writer.write(message[start : start + 1])
                await phone.writer.drain()
                await asyncio.sleep(0.005)
                if phone.receiver.closed:
                    break
        assert phone.receiver.closed
        assert phone.receiver.messages == []


async def test_a_trusted_peer_may_be_silent_for_longer_but_not_for_ever() -> None:
    limits = TransportLimits(first_message_seconds=0.05, stranger_seconds=0.05, idle_seconds=0.2, sweep_seconds=0.01)
    async with connected(limits) as phone:
        phone.writer.write(request_bytes(transport="TCP"))
        await eventually(lambda: bool(phone.receiver.messages))
        phone.layer.trust(phone.receiver.messages[0][1])
        started = asyncio.get_running_loop().time()
        assert await phone.is_cut_off()
        assert asyncio.get_running_loop().time() - started > 0.1


async def test_a_stranger_cannot_hold_a_connection_open_by_silence_or_by_keep_alives() -> None:
    """A whole table of such connections would keep the phones out."""
    limits = TransportLimits(stranger_seconds=0.2, sweep_seconds=0.01)
    async with connected(limits) as phone:
        phone.writer.write(request_bytes(transport="TCP"))
        await eventually(lambda: bool(phone.receiver.messages))
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                phone.writer.write(b"\r\n\r\n")
                await phone.writer.drain()
                await asyncio.sleep(0.02)
                if phone.receiver.closed:
                    break
        assert phone.receiver.closed


async def test_a_stranger_that_goes_on_asking_keeps_its_connection() -> None:
    """So does a peer that pings with OPTIONS."""
    limits = TransportLimits(stranger_seconds=0.4, sweep_seconds=0.01)
    async with connected(limits) as phone:
        for _ in range(5):
            phone.writer.write(request_bytes(transport="TCP"))
            await asyncio.sleep(0.15)
        assert len(phone.receiver.messages) == 5
        assert not phone.receiver.closed


async def test_a_peer_that_does_not_read_is_closed() -> None:
    async with connected(TransportLimits(write_buffer_bytes=100_000)) as phone:
        phone.writer.write(request_bytes(transport="TCP"))
        await eventually(lambda: bool(phone.receiver.messages))
        flow = phone.receiver.messages[0][1]

        def flood() -> None:
            for _ in range(1000):
                phone.layer.send(b"x" * 65_536, flow)

        with pytest.raises(TransportError, match="does not read"):
            flood()
        assert phone.receiver.closed == []  # Whoever sends is not called back from within.
        await eventually(lambda: phone.receiver.closed == [flow])


async def test_connections_beyond_the_limit_are_refused_and_the_others_live() -> None:
    async with connected(TransportLimits(max_connections=1)) as phone:
        phone.writer.write(request_bytes(transport="TCP"))
        await eventually(lambda: bool(phone.receiver.messages))
        address = phone.layer.listeners[0].address
        reader, writer = await asyncio.open_connection(address.host, address.port)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        phone.writer.write(b"\r\n\r\n")
        assert await phone.reader.readexactly(2) == b"\r\n"


async def test_room_is_free_again_when_a_connection_has_closed() -> None:
    async with connected(TransportLimits(max_connections=1)) as phone:
        await eventually(lambda: phone.layer.connection_count == 1)
        phone.writer.close()
        await eventually(lambda: phone.layer.connection_count == 0)
        address = phone.layer.listeners[0].address
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\r\n"
        writer.close()
