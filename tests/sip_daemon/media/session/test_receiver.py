"""What happens to a datagram before anybody hears it."""

from __future__ import annotations

from sip_daemon.flow import TransportAddress
from sip_daemon.media.packets.dtmf import KeyPress, TelephoneEvent
from sip_daemon.media.packets.rtp import RtpPacket
from sip_daemon.media.session.description import LegDescription
from sip_daemon.media.session.receiver import Receiver
from tests.support.media_worker import EVENT_101, PCMA, PCMU

PEER = ("192.0.2.1", 4000)
DESCRIPTION = LegDescription(TransportAddress(*PEER), (PCMU, PCMA, EVENT_101), (PCMU, PCMA, EVENT_101))


def receiver() -> Receiver:
    made = Receiver()
    made.describe(DESCRIPTION)
    return made


def audio(sequence: int, *, payload_type: int = 0, ssrc: int = 1) -> bytes:
    return RtpPacket(payload_type, sequence, sequence * 160 & 0xFFFFFFFF, ssrc, bytes(160)).pack()


def test_the_peers_packet_comes_with_its_codec_and_full_number() -> None:
    made = receiver()
    (first,) = made.accept(audio(0xFFFF), PEER, 0.0)
    (second,) = made.accept(audio(0, payload_type=8), PEER, 0.02)
    assert (first.codec, second.codec) == (PCMU, PCMA)
    assert second.extended == first.extended + 1
    assert made.codec == PCMA


def test_before_an_offer_and_an_answer_nobody_is_the_peer() -> None:
    made = Receiver()
    assert made.accept(audio(1), PEER, 0.0) == []
    assert made.counters.dropped_source == 1


def test_a_payload_type_that_was_not_agreed_is_malformed_and_teaches_no_address() -> None:
    made = receiver()
    for sequence in range(5):
        assert made.accept(audio(sequence, payload_type=77), ("203.0.113.1", 1), 0.0) == []
    assert made.learner.learned is None
    made.accept(audio(1), PEER, 0.0)
    assert made.accept(audio(2, payload_type=77), PEER, 0.0) == []
    assert (made.counters.dropped_source, made.counters.dropped_malformed) == (5, 1)


def test_a_new_ssrc_is_a_new_stream_and_the_sums_go_on() -> None:
    made = receiver()
    for sequence in (10, 11, 13):
        made.accept(audio(sequence, ssrc=1), PEER, 0.0)
    for sequence in (900, 901):
        made.accept(audio(sequence, ssrc=2), PEER, 0.0)
    assert (made.packets, made.tally.lost, made.tally.octets) == (5, 1, 800)
    assert made.stream is not None
    assert made.stream.ssrc == 2


def test_a_sequence_set_anew_is_not_a_loss() -> None:
    made = receiver()
    made.accept(audio(10), PEER, 0.0)
    made.accept(audio(40000), PEER, 0.0)
    assert (made.packets, made.tally.lost) == (2, 0)


def test_key_presses_are_collected_and_add_no_jitter() -> None:
    made = receiver()
    made.accept(audio(10), PEER, 0.0)
    for index, is_end in enumerate((False, False, True, True)):
        payload = TelephoneEvent(3, is_end, 10, 400 * (index + 1)).pack()
        made.accept(RtpPacket(101, 11 + index, 1760, 1, payload).pack(), PEER, 0.02 * index)
    assert made.take_presses() == [KeyPress("3", 150)]
    assert made.take_presses() == []
    assert made.jitter_ms < 0.001


def test_a_number_of_the_peers_own_is_understood_where_ours_are_not_contradicted() -> None:
    made = Receiver()
    theirs, ours = (PCMU, EVENT_101), (PCMA,)
    made.describe(LegDescription(TransportAddress(*PEER), theirs, ours))
    (accepted,) = made.accept(audio(1, payload_type=0), PEER, 0.0)
    assert accepted.codec == PCMU


def test_an_empty_packet_is_dropped() -> None:
    made = receiver()
    assert made.accept(RtpPacket(0, 1, 0, 1, b"").pack(), PEER, 0.0) == []
    assert made.counters.dropped_malformed == 1


def test_with_the_packet_that_shows_the_address_come_those_before_it() -> None:
    made, nat = receiver(), ("198.51.100.7", 31000)
    assert made.accept(audio(10), nat, 0.00) == []
    assert made.accept(audio(11), nat, 0.02) == []
    accepted = made.accept(audio(12), nat, 0.04)
    assert [(each.packet.sequence, each.at) for each in accepted] == [(10, 0.00), (11, 0.02), (12, 0.04)]
    assert (made.packets, made.tally.lost, made.counters.dropped_source) == (3, 0, 0)


def test_our_own_stream_coming_back_is_dropped() -> None:
    """RFC 3550 §8.2: a peer that names our own port must not make a loop."""
    made = receiver()
    made.own_sources = frozenset({1})
    assert made.accept(audio(10, ssrc=1), PEER, 0.0) == []
    assert made.counters.dropped_source == 1
    assert len(made.accept(audio(10, ssrc=2), PEER, 0.0)) == 1
