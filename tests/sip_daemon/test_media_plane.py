"""The media plane of our own workers, through its one interface, over real sockets."""

from __future__ import annotations

import asyncio
import socket
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sip_daemon.errors import MediaError, MediaUnavailable
from sip_daemon.flow import TransportAddress
from sip_daemon.media.packets.dtmf import TelephoneEvent
from sip_daemon.media_plane import (
    AdoptableSession,
    DigitPressed,
    MediaEvent,
    MediaHearing,
    MediaSession,
    MediaSilent,
    OpenRequest,
    PlayFinished,
    RemoteMedia,
    SessionLost,
    Tone,
    Wav,
    WorkerState,
)
from sip_daemon.media_plane.local import LocalMediaPlane
from sip_daemon.sdp.audio import Direction
from sip_daemon.sdp.codec import Codec
from tests.support.media_worker import EVENT_96, EVENT_101, PCMA, PCMU, RtpPeer, WorkerProcess

LOOPBACK = OpenRequest("127.0.0.1", "127.0.0.1")


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerProcess]:
    with WorkerProcess(tmp_path) as running:
        yield running


@pytest.fixture
async def plane(worker: WorkerProcess) -> AsyncIterator[LocalMediaPlane]:
    made = LocalMediaPlane([worker.socket])
    await made.start()
    yield made
    await made.close()


@pytest.fixture
def peers() -> Iterator[tuple[RtpPeer, RtpPeer]]:
    pair = RtpPeer(ssrc=0xA), RtpPeer(ssrc=0xB)
    yield pair
    for peer in pair:
        peer.close()


async def eventually(condition: object, seconds: float = 5.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():  # type: ignore[operator]
        assert asyncio.get_running_loop().time() < deadline, "it did not come about"
        await asyncio.sleep(0.02)


async def bridged(plane: LocalMediaPlane, first: RemoteMedia, second: RemoteMedia) -> tuple[MediaSession, MediaSession]:
    a, b = await plane.open([LOOPBACK, LOOPBACK], call_id="call-1")
    await a.configure(first)
    await b.configure(second)
    await a.bridge(b)
    return a, b


async def test_a_bridge_relays_both_ways_with_streams_of_its_own(
    plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]
) -> None:
    alice, bob = peers
    a, b = await bridged(plane, alice.media(), bob.media())
    alice.send(a.address, b"hello bob")
    bob.send(b.address, b"hello alice")
    at_bob, at_alice = bob.receive(), alice.receive()
    assert (at_bob.payload, at_alice.payload) == (b"hello bob", b"hello alice")
    assert at_bob.ssrc != alice.ssrc
    assert at_alice.ssrc not in (bob.ssrc, at_bob.ssrc)


async def test_gaps_and_timestamps_of_the_source_are_kept(
    plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]
) -> None:
    alice, bob = peers
    a, _ = await bridged(plane, alice.media(), bob.media())
    alice.send(a.address)
    first = bob.receive()
    for skipped in (0, 0, 2, 0):
        alice.sequence += skipped
        alice.timestamp += 160 * skipped
        alice.send(a.address)
    packets = [bob.receive() for _ in range(4)]
    assert [(packet.sequence - first.sequence) & 0xFFFF for packet in packets] == [1, 2, 5, 6]
    assert [(packet.timestamp - first.timestamp) & 0xFFFFFFFF for packet in packets] == [160, 320, 800, 960]


async def test_counters_of_many_sessions_are_asked_for_at_once_and_lost_ones_left_out(
    plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]
) -> None:
    alice, bob = peers
    a, b = await bridged(plane, alice.media(), bob.media())
    for _ in range(3):
        alice.send(a.address)
    for _ in range(3):
        bob.receive()
    counters = await plane.statistics([a, b], within=5.0)
    assert (counters[a.id].packets_received, counters[b.id].packets_sent) == (3, 3)
    assert counters[a.id].announced == alice.address
    await b.close()
    assert set(await plane.statistics([a, b], within=5.0)) == {a.id}
    assert (await a.quality())["seconds"] == 5
    assert (await a.close()).series is not None


async def test_one_way_audio_is_told(plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]) -> None:
    alice, bob = peers
    heard: list[MediaEvent] = []
    a, _ = await bridged(plane, alice.media(), bob.media())
    a.listener = heard.append
    await eventually(lambda: heard, 10)
    assert heard == [MediaHearing("nothing", "unknown", "not-a-packet")]


async def test_each_leg_keeps_its_own_payload_type_numbers(
    plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]
) -> None:
    alice, bob = peers
    a, _ = await bridged(plane, alice.media(PCMU, EVENT_101), bob.media(PCMU, EVENT_96))
    alice.send(a.address)
    bob.receive()
    alice.send(a.address, TelephoneEvent(5, False, 10, 400).pack(), payload_type=101)
    assert bob.receive().payload_type == 96


async def test_legs_of_different_laws_are_converted(plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]) -> None:
    alice, bob = peers
    a, _ = await bridged(plane, alice.media(PCMU), bob.media(PCMA))
    alice.send(a.address, b"\xff" * 160)
    packet = bob.receive()
    assert (packet.payload_type, packet.payload) == (8, b"\xd5" * 160)


async def test_a_key_press_is_reported_once(plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]) -> None:
    alice, bob = peers
    a, _ = await bridged(plane, alice.media(), bob.media())
    events: list[MediaEvent] = []
    a.listener = events.append
    alice.send(a.address)
    bob.receive()
    start = alice.timestamp
    for duration, is_end in ((400, False), (800, False), (800, True), (800, True), (800, True)):
        alice.timestamp = start
        alice.send(a.address, TelephoneEvent(11, is_end, 10, duration).pack(), payload_type=101)
    relayed = [bob.receive() for _ in range(5)]
    assert len({packet.timestamp for packet in relayed}) == 1
    await eventually(lambda: events)
    await asyncio.sleep(0.1)
    assert events == [DigitPressed("#", 100)]


async def test_a_stranger_is_counted_and_not_heard(plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]) -> None:
    alice, bob = peers
    a, b = await bridged(plane, alice.media(), bob.media())
    alice.send(a.address)
    bob.receive()
    mallory = RtpPeer(ssrc=0xA)
    for _ in range(5):
        mallory.send(a.address, b"stranger")
    mallory.close()
    assert bob.receive_nothing()
    assert (await a.statistics()).dropped_source == 5
    bob.send(b.address)
    assert alice.receive().payload == bytes(160)


async def test_garbage_of_any_kind_is_counted_and_the_call_goes_on(
    plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]
) -> None:
    alice, bob = peers
    a, _ = await bridged(plane, alice.media(), bob.media())
    alice.send(a.address)
    bob.receive()
    for garbage in (
        b"",
        b"\x80",
        b"\x00" * 40,
        b"\x80\xc8\x00\xff",
        b"\xbf" * 30,
        b"\x80\x7f" + bytes(20),
        bytes(5000),
    ):
        alice.socket.sendto(garbage, (a.address.host, a.address.port))
    alice.send(a.address, b"still here")
    assert bob.receive().payload == b"still here"
    assert (await a.statistics()).dropped_malformed == 7


async def test_a_peer_behind_nat_is_learned_from_its_packets(
    plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]
) -> None:
    alice, bob = peers
    described = RemoteMedia(TransportAddress("192.0.2.9", 4000), (PCMU,), (PCMU,), signalling_host="127.0.0.1")
    a, b = await bridged(plane, described, bob.media(PCMU))
    for _ in range(3):
        alice.send(a.address)
    bob.receive()
    bob.send(b.address, b"found you")
    assert alice.receive().payload == b"found you"
    assert (await a.statistics()).remote == alice.address


async def test_echo_comes_back(plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]) -> None:
    alice, _ = peers
    (a,) = await plane.open([LOOPBACK], call_id="echo")
    await a.configure(alice.media())
    await a.echo(True)
    for number in range(5):
        alice.send(a.address, bytes((number,)) * 160)
    packets = [alice.receive() for _ in range(5)]
    assert [packet.payload[0] for packet in packets] == [0, 1, 2, 3, 4]
    assert {packet.ssrc for packet in packets}.isdisjoint({alice.ssrc})


async def test_a_tone_is_played_in_the_codec_of_the_peer(
    plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]
) -> None:
    alice, _ = peers
    (a,) = await plane.open([LOOPBACK], call_id="tone")
    await a.configure(alice.media(PCMA))
    await a.play(Tone("test"))
    packets = [alice.receive() for _ in range(5)]
    assert all(packet.payload_type == 8 and len(packet.payload) == 160 for packet in packets)
    assert [packet.marker for packet in packets] == [True, False, False, False, False]
    assert [packet.timestamp - packets[0].timestamp for packet in packets] == [0, 160, 320, 480, 640]
    await a.stop_playing()


async def test_the_stream_goes_on_when_its_source_changes(
    plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]
) -> None:
    alice, bob = peers
    a, b = await bridged(plane, alice.media(), bob.media())
    alice.send(a.address)
    relayed = bob.receive()
    await b.play(Tone("dial"))
    played = bob.receive()
    await b.stop_playing()
    while not bob.receive_nothing():
        pass
    alice.send(a.address, b"back again")
    resumed = bob.receive()
    assert relayed.ssrc == played.ssrc == resumed.ssrc
    assert (played.sequence - relayed.sequence) & 0xFFFF == 1
    assert resumed.marker
    assert 0 < (resumed.timestamp - played.timestamp) & 0xFFFFFFFF < 8000


async def test_a_file_is_played_to_its_end(
    plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer], tmp_path: Path
) -> None:
    alice, _ = peers
    path = tmp_path / "greeting.wav"
    with wave.open(str(path), "wb") as made:
        made.setparams((1, 2, 8000, 0, "NONE", ""))
        made.writeframes(bytes(2 * 400))
    (a,) = await plane.open([LOOPBACK], call_id="file")
    await a.configure(alice.media(PCMU))
    events: list[MediaEvent] = []
    a.listener = events.append
    await a.play(Wav(str(path)))
    packets = [alice.receive() for _ in range(3)]
    assert [packet.payload for packet in packets] == [b"\xff" * 160] * 3
    await eventually(lambda: events == [PlayFinished()])
    assert alice.receive_nothing()


async def test_a_missing_file_and_an_unknown_tone_are_refused(
    plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer], tmp_path: Path
) -> None:
    (a,) = await plane.open([LOOPBACK], call_id="file")
    with pytest.raises(MediaError, match="before an offer"):
        await a.play(Tone("dial"))
    await a.configure(peers[0].media())
    with pytest.raises(MediaError, match="No such file"):
        await a.play(Wav(str(tmp_path / "nothing.wav")))
    with pytest.raises(MediaError, match="no tone"):
        await a.play(Tone("jingle"))


async def test_a_recording_has_each_side_on_its_channel(
    plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer], tmp_path: Path
) -> None:
    alice, bob = peers
    a, b = await bridged(plane, alice.media(PCMU), bob.media(PCMU))
    path = tmp_path / "call.wav"
    await a.record(str(path))
    for _ in range(10):
        alice.send(a.address, b"\x80" * 160)  # the loudest positive code
        bob.send(b.address, b"\x00" * 160)
        bob.receive()
        alice.receive()
        await asyncio.sleep(0.02)
    await a.record(None)
    await eventually(lambda: path.stat().st_size > 44)
    await asyncio.sleep(0.1)
    with wave.open(str(path)) as recorded:
        assert (recorded.getnchannels(), recorded.getframerate(), recorded.getsampwidth()) == (2, 8000, 2)
        frames = recorded.readframes(recorded.getnframes())
    left, right = memoryview(frames).cast("h")[0::2].tolist(), memoryview(frames).cast("h")[1::2].tolist()
    assert left.count(32124) == right.count(-32124) == 1600


async def test_an_existing_file_is_never_recorded_over(
    plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer], tmp_path: Path
) -> None:
    path = tmp_path / "kept.wav"
    path.write_bytes(b"precious")
    (a,) = await plane.open([LOOPBACK], call_id="record")
    with pytest.raises(MediaError, match="exists"):
        await a.record(str(path))
    assert path.read_bytes() == b"precious"


async def test_statistics_count_each_direction(plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]) -> None:
    alice, bob = peers
    a, b = await bridged(plane, alice.media(), bob.media())
    for skipped in (0, 0, 1, 0):
        alice.sequence += skipped
        alice.send(a.address)
        bob.receive()
    last = await a.close()
    assert (last.packets_received, last.bytes_received, last.packets_lost) == (4, 640, 1)
    assert (last.packets_sent, last.codec, last.remote) == (0, "PCMU/8000", alice.address)
    assert (await b.statistics()).packets_sent == 4
    assert await a.close() == last


async def test_silence_is_reported_once_and_not_while_held(tmp_path: Path, peers: tuple[RtpPeer, RtpPeer]) -> None:
    alice, bob = peers
    with WorkerProcess(tmp_path, options=["--silence", "1"]) as worker:
        plane = LocalMediaPlane([worker.socket])
        await plane.start()
        a, b = await plane.open([LOOPBACK, LOOPBACK], call_id="quiet")
        heard: list[tuple[str, MediaEvent]] = []
        a.listener = lambda event: heard.append(("a", event))
        b.listener = lambda event: heard.append(("b", event))
        await a.configure(alice.media())
        await b.configure(bob.media(direction=Direction.RECVONLY))
        await eventually(lambda: heard)
        await asyncio.sleep(1.2)
        await plane.close()
    assert len(heard) == 1
    assert heard[0][0] == "a"
    assert isinstance(heard[0][1], MediaSilent)


async def test_a_held_peer_hears_nothing(plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]) -> None:
    alice, bob = peers
    a, _ = await bridged(plane, alice.media(), bob.media(direction=Direction.SENDONLY))
    alice.send(a.address)
    assert bob.receive_nothing()


async def test_ipv6_legs_relay_to_ipv4_ones(plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]) -> None:
    alice, _ = peers
    try:
        carol = RtpPeer("::1", ssrc=0xC)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    a, c = await plane.open([LOOPBACK, OpenRequest("::1", "::1")], call_id="six")
    await a.configure(alice.media())
    await c.configure(carol.media())
    await a.bridge(c)
    for _ in range(3):
        alice.send(a.address, b"to six")
        carol.send(c.address, b"to four")
        assert carol.receive().payload == b"to six"
        assert alice.receive().payload == b"to four"
    carol.close()


async def test_an_address_of_the_other_ip_version_is_refused(plane: LocalMediaPlane) -> None:
    (a,) = await plane.open([LOOPBACK], call_id="six")
    with pytest.raises(MediaError, match="another IP version"):
        await a.configure(RemoteMedia(TransportAddress("2001:db8::1", 4000), (PCMU,), (PCMU,)))
    with pytest.raises(MediaError, match="not an IP address"):
        await a.configure(RemoteMedia(TransportAddress("phone.example", 4000), (PCMU,), (PCMU,)))


async def test_a_host_that_is_not_ours_is_refused_and_costs_no_port(plane: LocalMediaPlane) -> None:
    with pytest.raises(MediaError, match="cannot open RTP sockets"):
        await plane.open([LOOPBACK, OpenRequest("192.0.2.1", "192.0.2.1")], call_id="far")
    assert (await plane._links[0].call("worker.status", {}))["sessions"] == 0


async def test_no_free_port_means_unavailable_with_a_time_to_retry(tmp_path: Path) -> None:
    with WorkerProcess(tmp_path, ports="40400-40403") as worker:
        plane = LocalMediaPlane([worker.socket])
        await plane.start()
        await plane.open([LOOPBACK, LOOPBACK], call_id="one")
        with pytest.raises(MediaUnavailable) as caught:
            await plane.open([LOOPBACK], call_id="two")
        await plane.close()
    assert caught.value.retry_after > 0


async def test_a_port_rests_before_it_is_given_out_again(plane: LocalMediaPlane) -> None:
    (first,) = await plane.open([LOOPBACK], call_id="one")
    await first.close()
    (second,) = await plane.open([LOOPBACK], call_id="two")
    assert second.address.port != first.address.port


async def test_a_killed_worker_costs_its_own_sessions_only(tmp_path: Path, peers: tuple[RtpPeer, RtpPeer]) -> None:
    alice, bob = peers
    with WorkerProcess(tmp_path, 0, "40500-40599") as one, WorkerProcess(tmp_path, 1, "40600-40699") as two:
        plane = LocalMediaPlane([one.socket, two.socket])
        gone: list[tuple[int, int]] = []
        plane.lost = lambda index, sessions: gone.append((index, len(sessions)))
        await plane.start()
        a, b = await bridged(plane, alice.media(), bob.media())
        (c,) = await plane.open([LOOPBACK], call_id="other")
        assert c.worker != a.worker
        events: list[MediaEvent] = []
        c.listener = events.append
        (one, two)[c.worker].kill()
        await eventually(lambda: gone == [(c.worker, 1)])
        assert [type(event) for event in events] == [SessionLost]
        alice.send(a.address, b"goes on")
        assert bob.receive().payload == b"goes on"
        with pytest.raises(MediaError):
            await c.statistics()
        assert (await c.close()).packets_received == 0
        (d,) = await plane.open([LOOPBACK], call_id="new")
        assert d.worker == a.worker
        (one, two)[c.worker].start()
        await eventually(lambda: all(status.state is WorkerState.CONNECTED for status in plane.status()))
        assert b.worker == a.worker
        await plane.close()


async def test_legs_in_different_workers_are_bridged_over_a_hop(tmp_path: Path, peers: tuple[RtpPeer, RtpPeer]) -> None:
    alice, bob = peers
    with WorkerProcess(tmp_path, 0, "40700-40799") as one, WorkerProcess(tmp_path, 1, "40800-40899") as two:
        plane = LocalMediaPlane([one.socket, two.socket])
        await plane.start()
        (a,) = await plane.open([LOOPBACK], call_id="one")
        (b,) = await plane.open([LOOPBACK], call_id="two")
        assert a.worker != b.worker
        await a.configure(alice.media(PCMU, EVENT_101))
        await b.configure(bob.media(PCMU, EVENT_96))
        await a.bridge(b)
        alice.send(a.address, b"over there")
        bob.send(b.address, b"over here")
        assert bob.receive().payload == b"over there"
        assert alice.receive().payload == b"over here"
        alice.send(a.address, TelephoneEvent(1, False, 10, 400).pack(), payload_type=101)
        assert bob.receive().payload_type == 96
        await b.bridge(None)
        alice.send(a.address)
        bob.send(b.address)
        assert bob.receive_nothing()
        assert alice.receive_nothing()
        await plane.close()


async def test_sessions_outlive_signalling_and_are_adopted_with_their_state(
    worker: WorkerProcess, peers: tuple[RtpPeer, RtpPeer]
) -> None:
    alice, bob = peers
    before = LocalMediaPlane([worker.socket])
    await before.start()
    a, b = await bridged(before, alice.media(), bob.media())
    await a.attach(b"all about the call")
    await before.close()
    after = Finder(worker)
    await after.start()
    alice.send(a.address, b"nothing happened")
    assert bob.receive().payload == b"nothing happened"
    left = {entry.id: entry for entry in after.left}
    assert set(left) == {a.id, b.id}
    assert left[a.id].state == b"all about the call"
    adopted = await after.plane.adopt(left[a.id])
    assert adopted.address == a.address
    assert (await adopted.statistics()).packets_received == 1
    assert after.plane.is_complete
    await after.plane.close()
    again = Finder(worker)
    await again.start()
    assert len(again.left) == 2
    await again.plane.discard(again.left)
    await again.plane.discard(again.left)
    await again.plane.close()
    last = Finder(worker)
    await last.start()
    assert last.left == ()
    await last.plane.close()


class Finder:
    """A plane that takes down what it finds."""

    def __init__(self, worker: WorkerProcess) -> None:
        self.plane = LocalMediaPlane([worker.socket])
        self.plane.found = self._take
        self.left: tuple[AdoptableSession, ...] = ()

    async def start(self) -> None:
        assert not self.plane.is_complete
        await self.plane.start()

    async def _take(self, sessions: tuple[AdoptableSession, ...]) -> None:
        self.left = sessions


async def test_a_silence_that_nobody_heard_of_is_told_to_who_adopts(
    tmp_path: Path, peers: tuple[RtpPeer, RtpPeer]
) -> None:
    alice, _ = peers
    with WorkerProcess(tmp_path, options=["--silence", "0.5"]) as worker:
        before = LocalMediaPlane([worker.socket])
        await before.start()
        (a,) = await before.open([LOOPBACK], call_id="quiet")
        await a.configure(alice.media())
        await before.close()
        await asyncio.sleep(2.2)
        after = Finder(worker)
        await after.start()
        heard: list[MediaEvent] = []
        adopted = await after.plane.adopt(after.left[0])
        adopted.listener = heard.append
        await eventually(lambda: heard)
        assert isinstance(heard[0], MediaSilent)
        await after.plane.close()


async def test_orphans_end_after_the_grace_period(tmp_path: Path) -> None:
    with WorkerProcess(tmp_path, options=["--grace", "0.3"]) as worker:
        before = LocalMediaPlane([worker.socket])
        await before.start()
        await before.open([LOOPBACK], call_id="orphan")
        await before.close()
        await asyncio.sleep(0.6)
        after = Finder(worker)
        await after.start()
        assert after.left == ()
        await after.plane.close()


async def test_what_an_earlier_process_left_is_closed_and_its_ports_are_free(tmp_path: Path) -> None:
    with WorkerProcess(tmp_path, ports="40700-40703") as worker:
        before = LocalMediaPlane([worker.socket])
        await before.start()
        await before.open([LOOPBACK, LOOPBACK], call_id="orphan")
        await before.close()
        after = LocalMediaPlane([worker.socket])
        await after.start()
        assert len(await after.open([LOOPBACK, LOOPBACK], call_id="new")) == 2
        await after.close()


async def test_a_worker_that_is_found_late_is_cleared_too(tmp_path: Path) -> None:
    with WorkerProcess(tmp_path, ports="40704-40707") as worker:
        before = LocalMediaPlane([worker.socket])
        await before.start()
        await before.open([LOOPBACK, LOOPBACK], call_id="orphan")
        await before.close()
        hidden = worker.socket.rename(tmp_path / "hidden.sock")
        after = LocalMediaPlane([worker.socket])
        await after.start()
        hidden.rename(worker.socket)
        await eventually(lambda: after.status()[0].ports_free == 2)
        await after.close()


async def test_more_sessions_than_fit_into_one_answer_are_adoptable(worker: WorkerProcess) -> None:
    before = LocalMediaPlane([worker.socket])
    await before.start()
    sessions = await before.open([LOOPBACK] * 20, call_id="large")
    for session in sessions:
        await session.attach(bytes(200_000))
    await before.close()
    after = Finder(worker)
    await after.start()
    assert {entry.id for entry in after.left} == {session.id for session in sessions}
    await after.plane.close()


async def test_a_peer_gets_reports_and_a_goodbye(plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]) -> None:
    alice, bob = peers
    reports = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    reports.bind(("127.0.0.1", 0))
    reports.settimeout(5)
    a, b = await plane.open([LOOPBACK, LOOPBACK], call_id="rtcp")
    await a.configure(alice.media())
    media = bob.media()
    await b.configure(RemoteMedia(media.address, media.codecs, media.local_codecs, rtcp_port=reports.getsockname()[1]))
    await a.bridge(b)
    alice.send(a.address)
    bob.receive()
    await b.close()
    data = reports.recv(2048)
    reports.close()
    assert data[1] == 200  # a sender report begins the compound packet
    assert b"\x81\xcb" in data  # and a goodbye of one source ends it


async def test_opus_passes_between_legs_with_different_numbers(
    plane: LocalMediaPlane, peers: tuple[RtpPeer, RtpPeer]
) -> None:
    alice, bob = peers
    a, _ = await bridged(
        plane, alice.media(Codec(111, "opus", 48000, 2)), bob.media(Codec(96, "opus", 48000, 2, "useinbandfec=1"))
    )
    alice.send(a.address, b"opus", payload_type=111)
    packet = bob.receive()
    assert (packet.payload_type, packet.payload) == (96, b"opus")


async def test_the_worker_stops_on_request(worker: WorkerProcess) -> None:
    assert worker.stop() == 0
    assert not worker.socket.exists()
