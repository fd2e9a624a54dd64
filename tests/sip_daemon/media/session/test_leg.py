"""Legs in this process: the fast path coming and going, and packets that are transformed on their way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sip_daemon.flow import TransportAddress
from sip_daemon.media.session.description import LegDescription
from sip_daemon.media.session.events import HearingChanged, LegEvent
from sip_daemon.media.session.hearing import Audio, Hearing, Suspicion
from sip_daemon.media.session.leg import Leg, LegServices
from sip_daemon.media.session.loop import EventLoop
from sip_daemon.media.session.ports import PortPool, PortSlice, open_pair
from sip_daemon.media.session.recorder import RecordingWriter
from sip_daemon.media.session.sounds import SoundLibrary, ToneSource
from sip_daemon.sdp.audio import Direction
from sip_daemon.sdp.codec import Codec
from tests.support.garbage import watched_garbage
from tests.support.media_worker import EVENT_101, PCMA, PCMU, RtpPeer


class Side:
    """A peer, and the leg that serves it."""

    def __init__(self, loop: EventLoop, services: LegServices, pool: PortPool) -> None:
        self.loop, self.peer = loop, RtpPeer()
        self.events: list[LegEvent] = []
        self.leg = Leg(services, open_pair(pool, "127.0.0.1"), self.events.append)
        self.address = TransportAddress("127.0.0.1", self.leg.sockets.port)

    def configure(self, *codecs: Codec, direction: Direction = Direction.SENDRECV) -> None:
        self.leg.configure(LegDescription(self.peer.address, codecs or (PCMU,), codecs or (PCMU,), direction))

    def says(self, payload: bytes) -> None:
        self.peer.send(self.address, payload)
        self.loop.run_once(1.0)

    def hears(self) -> bytes:
        return self.peer.receive().payload

    @property
    def is_fast(self) -> bool:
        handler = self.loop.handlers[self.leg.sockets.rtp.fileno()]
        return getattr(handler, "__name__", "") == "receive_one"


@pytest.fixture
def sides() -> Iterator[tuple[Side, Side]]:
    loop = EventLoop()
    services = LegServices(loop, SoundLibrary(loop), RecordingWriter(loop.now))
    pool = PortPool(PortSlice(40980, 40999))
    pair = Side(loop, services, pool), Side(loop, services, pool)
    for side in pair:
        side.configure()
    pair[0].leg.bridge(pair[1].leg)
    yield pair
    for side in pair:
        side.leg.close()
        side.peer.close()
    services.recordings.close()
    loop.close()


def test_the_second_packet_takes_the_fast_path(sides: tuple[Side, Side]) -> None:
    alice, bob = sides
    assert not alice.is_fast
    for payload in (b"first", b"second", b"third"):
        alice.says(payload)
        assert bob.hears() == payload
        assert alice.is_fast


def test_a_surprise_is_handled_and_the_fast_path_goes_on(sides: tuple[Side, Side]) -> None:
    alice, bob = sides
    alice.says(b"first")
    alice.peer.sequence += 3
    alice.says(b"after a gap")
    alice.peer.ssrc = 77
    alice.says(b"another source")
    alice.says(b"goes on")
    assert [bob.hears() for _ in range(4)] == [b"first", b"after a gap", b"another source", b"goes on"]
    assert alice.is_fast
    assert alice.leg.statistics().packets_lost == 3


def test_hold_ends_the_fast_path_and_resume_brings_it_back(sides: tuple[Side, Side]) -> None:
    alice, bob = sides
    alice.says(b"before")
    bob.configure(direction=Direction.INACTIVE)
    assert not alice.is_fast
    alice.says(b"held")
    bob.configure()
    alice.says(b"after")
    assert [bob.hears(), bob.hears()] == [b"before", b"after"]
    alice.says(b"again")
    assert alice.is_fast


def test_a_codec_change_by_a_new_offer_is_followed(sides: tuple[Side, Side]) -> None:
    alice, bob = sides
    alice.says(b"\xff" * 160)
    bob.hears()
    alice.configure(PCMA)
    alice.peer.payload_type = 8
    alice.says(b"\xaa" * 160)
    assert bob.hears() == b"\x80" * 160
    assert alice.leg.statistics().codec == "PCMA/8000"


def test_an_unbridged_leg_sends_nothing_more(sides: tuple[Side, Side]) -> None:
    alice, bob = sides
    alice.says(b"before")
    bob.hears()
    bob.leg.bridge(None)
    alice.says(b"after")
    assert bob.peer.receive_nothing()
    assert alice.leg.other is None


def test_a_closed_leg_leaves_its_partner_in_peace(sides: tuple[Side, Side]) -> None:
    alice, bob = sides
    alice.says(b"before")
    bob.leg.close()
    alice.says(b"after")
    assert alice.leg.statistics().packets_received == 2


def test_packets_are_transformed_in_each_direction(sides: tuple[Side, Side]) -> None:
    """What encryption will be: an involution on the payload, here."""
    alice, bob = sides

    def mask(data: bytes) -> bytes:
        return data[:12] + bytes(octet ^ 0x5A for octet in data[12:])

    bob.leg.sender.protect = bob.leg.unprotect = mask
    alice.says(b"secret")
    assert mask(bytes(12) + bob.hears())[12:] == b"secret"
    bob.says(mask(bytes(12) + b"answer")[12:])
    assert alice.hears() == b"answer"
    alice.says(b"secret")
    assert not alice.is_fast


def test_a_packet_that_fails_its_transformation_is_dropped(sides: tuple[Side, Side]) -> None:
    alice, bob = sides

    def refuse(data: bytes) -> bytes:
        raise ValueError("not authentic")

    alice.leg.unprotect = refuse
    alice.says(b"forged")
    assert bob.peer.receive_nothing()
    statistics = alice.leg.statistics()
    assert (statistics.dropped_malformed, statistics.packets_received) == (1, 0)


def test_a_recorded_call_stays_on_the_fast_path(sides: tuple[Side, Side], tmp_path: Path) -> None:
    alice, bob = sides
    alice.leg.record(tmp_path / "call.wav")
    for payload in (b"first", b"second"):
        alice.says(payload)
        assert bob.hears() == payload
    assert alice.is_fast
    alice.leg.record(None)


def test_a_peer_at_the_last_port_has_no_room_for_rtcp_and_costs_nothing(sides: tuple[Side, Side]) -> None:
    alice, _ = sides
    alice.leg.configure(LegDescription(TransportAddress("127.0.0.1", 65535), (PCMU,), (PCMU,)))
    assert alice.leg.rtcp.target is None
    alice.leg.close()
    assert alice.leg.sockets.rtp.fileno() == -1


def test_legs_that_are_told_to_send_to_each_other_make_no_loop(sides: tuple[Side, Side]) -> None:
    """Two phones may name our own ports in their descriptions."""
    alice, bob = sides
    alice.leg.configure(LegDescription(bob.address, (PCMU,), (PCMU,)))
    bob.leg.configure(LegDescription(alice.address, (PCMU,), (PCMU,)))
    bob.peer.socket.close()
    bob.peer.socket = alice.peer.socket
    for _ in range(3):  # learned as a stranger's, and relayed to ourselves
        alice.says(b"round and round")
    for _ in range(20):
        alice.loop.run_once(0.01)
    statistics = alice.leg.statistics(), bob.leg.statistics()
    assert max(one.packets_sent for one in statistics) <= 3


def test_an_address_learned_from_a_packet_of_no_use_is_sent_to(sides: tuple[Side, Side]) -> None:
    """The fast path of the other leg is made anew for it."""
    alice, bob = sides
    nat = RtpPeer()
    bob.leg.configure(LegDescription(TransportAddress("127.0.0.1", 9), (PCMU,), (PCMU,)))
    for _ in range(3):
        alice.says(b"into the void")
    for payload in (b"here", b"I", b""):
        nat.send(bob.address, payload)
        bob.loop.run_once(1.0)
    alice.says(b"found")
    assert nat.receive().payload == b"found"
    nat.close()


def test_each_second_one_packet_of_the_fast_path_is_looked_at(sides: tuple[Side, Side]) -> None:
    alice, bob = sides
    for payload in (b"\x01" * 160, b"\x01" * 160):
        alice.says(payload)
        bob.hears()
    alice.leg.check()
    assert not alice.is_fast
    for payload in (b"\xff" * 160, b"\x01" * 160):
        alice.says(payload)
        assert bob.hears() == payload
        assert alice.is_fast
    listener = alice.leg.quality.listener
    assert (listener.looked, listener.silent_in_row) == (1, 1)
    assert alice.leg.statistics().packets_received == 4


def test_a_key_press_is_not_looked_at_as_if_it_were_audio(sides: tuple[Side, Side]) -> None:
    alice, bob = sides
    for side in sides:
        side.configure(PCMU, EVENT_101)
    for payload in (b"\x01" * 160, b"\x01" * 160):
        alice.says(payload)
        bob.hears()
    alice.leg.check()
    alice.peer.send(alice.address, b"\x05\x0a\x01\x90", payload_type=101)
    alice.loop.run_once(1.0)
    assert alice.leg.quality.listener.looked == 0
    alice.says(b"\x01" * 160)
    assert alice.is_fast


def test_a_leg_without_the_fast_path_is_looked_at_too(sides: tuple[Side, Side]) -> None:
    alice, _ = sides
    alice.configure(PCMA)
    alice.peer.payload_type = 8
    alice.says(b"\xd5" * 160)
    alice.leg.check()
    alice.says(b"\xd5" * 160)
    alice.says(b"\xd5" * 160)
    assert alice.leg.quality.listener.looked == 1


def test_one_way_audio_is_an_event(sides: tuple[Side, Side]) -> None:
    alice, _ = sides
    now = alice.loop.now()
    alice.loop.now = lambda: now + 6
    alice.leg.check()
    assert alice.events == [HearingChanged(Hearing(Audio.NOTHING, Audio.UNKNOWN, Suspicion.NOT_A_PACKET))]


def test_a_leg_that_is_closed_is_freed_at_once() -> None:
    """And not by the garbage collector, for which the packets of all calls would have to wait."""
    loop = EventLoop()
    services = LegServices(loop, SoundLibrary(loop), RecordingWriter(loop.now))
    pool = PortPool(PortSlice(40960, 40979))

    def talk() -> None:
        alice, bob = Side(loop, services, pool), Side(loop, services, pool)
        alice.configure(PCMU, EVENT_101)
        bob.configure(PCMU, EVENT_101)
        alice.leg.bridge(bob.leg)
        alice.says(b"\x01" * 160)
        alice.says(b"\x01" * 160)
        alice.leg.check()
        started: list[object] = []
        bob.leg.play(ToneSource("ringback"), repeat=True, on_started=started.append)
        while not started:
            loop.run_once(1.0)
        for side in (alice, bob):
            side.leg.close()
            side.peer.close()

    with watched_garbage() as watch:
        talk()
        watch.check()
    assert set(loop.handlers) == {loop._wake}
