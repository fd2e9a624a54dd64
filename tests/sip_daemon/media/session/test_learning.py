"""Whose packets are the peer's, and where ours go."""

from __future__ import annotations

from sip_daemon.media.packets.rtp import RtpPacket
from sip_daemon.media.session.learning import MAX_CANDIDATES, AddressLearner

DESCRIBED = ("192.0.2.1", 4000)
NAT = ("198.51.100.7", 31000)
STRANGER = ("203.0.113.9", 5555)


def learner(signalling_host: str | None = None) -> AddressLearner:
    made = AddressLearner()
    made.start(DESCRIBED, signalling_host)
    return made


def packet(sequence: int, ssrc: int = 1) -> RtpPacket:
    return RtpPacket(0, sequence, 0, ssrc, b"x")


def shows(made: AddressLearner, source: tuple[str, int], *sequences: int, ssrc: int = 1, at: float = 0.0) -> list[bool]:
    """Whether each is believed."""
    return [bool(made.receive(source, packet(sequence, ssrc), at)) for sequence in sequences]


def test_until_something_comes_the_described_address_is_the_target() -> None:
    made = learner()
    assert (made.target, made.learned) == (DESCRIBED, None)


def test_one_packet_from_the_described_address_is_enough() -> None:
    made = learner()
    assert shows(made, DESCRIBED, 10) == [True]
    assert made.learned == DESCRIBED


def test_another_source_has_to_show_three_packets_in_sequence() -> None:
    made = learner()
    assert shows(made, NAT, 10, 11, 12) == [False, False, True]
    assert made.target == NAT


def test_what_it_has_shown_counts_once_it_is_believed() -> None:
    made = learner()
    shows(made, NAT, 10, 11)
    assert [each.sequence for each, _ in made.receive(NAT, packet(12), 0.0)] == [10, 11, 12]


def test_packets_with_a_long_pause_between_are_not_in_sequence() -> None:
    made = learner()
    shows(made, NAT, 10, 11)
    assert shows(made, NAT, 12, at=5.0) == [False]
    assert shows(made, NAT, 13, 14, at=5.04) == [False, True]


def test_packets_out_of_sequence_do_not_count() -> None:
    made = learner()
    assert shows(made, NAT, 10, 12, 13, 12, 14, 16) == [False] * 6


def test_packets_of_changing_sources_do_not_count() -> None:
    made = learner()
    shows(made, NAT, 10, 11, ssrc=1)
    assert shows(made, NAT, 12, ssrc=2) == [False]


def test_the_sequence_may_wrap() -> None:
    assert shows(learner(), NAT, 0xFFFE, 0xFFFF, 0) == [False, False, True]


def test_the_described_address_wins_even_after_another_was_learned() -> None:
    made = learner()
    shows(made, NAT, 10, 11, 12)
    assert shows(made, DESCRIBED, 1) == [True]
    assert made.learned == DESCRIBED


def test_once_learned_nobody_else_is_listened_to() -> None:
    made = learner()
    shows(made, NAT, 10, 11, 12)
    assert shows(made, STRANGER, 1, 2, 3, 4, 5) == [False] * 5
    assert made.learned == NAT


def test_the_signalling_host_goes_before_a_stranger_that_was_first() -> None:
    made = learner(signalling_host=NAT[0])
    shows(made, STRANGER, 1, 2)
    shows(made, NAT, 10)
    assert shows(made, STRANGER, 3, 4) == [False, False]
    assert shows(made, NAT, 11, 12) == [False, True]


def test_a_single_packet_from_the_signalling_host_does_not_keep_the_peer_out() -> None:
    made = learner(signalling_host="203.0.113.50")
    shows(made, ("203.0.113.50", 9), 1)
    assert shows(made, NAT, 10, 11, 12) == [False] * 3
    assert [each.sequence for each, _ in made.receive(NAT, packet(13), 0.5)] == [11, 12, 13]


def test_a_stranger_is_taken_when_the_signalling_host_sends_nothing() -> None:
    made = learner(signalling_host=NAT[0])
    assert shows(made, STRANGER, 1, 2, 3) == [False, False, True]


def test_a_new_offer_with_the_same_address_keeps_the_target_and_learns_again() -> None:
    made = learner()
    shows(made, NAT, 10, 11, 12)
    made.start(DESCRIBED, None)
    assert (made.target, made.learned) == (NAT, None)
    assert shows(made, NAT, 13) == [True]


def test_after_a_new_offer_the_peer_may_have_moved() -> None:
    made = learner()
    shows(made, NAT, 10, 11, 12)
    made.start(DESCRIBED, None)
    moved = ("198.51.100.7", 31999)
    assert shows(made, moved, 20, 21, 22) == [False, False, True]
    assert made.target == moved


def test_a_new_offer_with_another_address_sends_there_at_once() -> None:
    made = learner()
    shows(made, NAT, 10, 11, 12)
    made.start(("192.0.2.5", 6000), None)
    assert made.target == ("192.0.2.5", 6000)
    assert shows(made, NAT, 13) == [False]


def test_a_held_peer_without_an_address_is_no_target() -> None:
    made = AddressLearner()
    made.start(None, None)
    assert made.target is None


def test_a_flood_of_sources_is_bounded_and_does_not_push_out_the_signalling_host() -> None:
    made = learner(signalling_host=NAT[0])
    shows(made, NAT, 10, 11)
    for port in range(1000, 1000 + 10 * MAX_CANDIDATES):
        shows(made, ("203.0.113.9", port), 1, 2, 3)
    assert len(made._candidates) <= MAX_CANDIDATES
    assert shows(made, NAT, 12) == [True]


def test_an_ipv6_address_is_the_same_in_any_spelling() -> None:
    made = AddressLearner()
    made.start(("2001:DB8:0:0::1", 4000), None)
    assert made.receive(("2001:db8::1", 4000, 0, 0), packet(1), 0.0)


def test_rtcp_may_come_from_another_port_of_the_peer_only() -> None:
    made = learner()
    assert made.is_peer_host(("192.0.2.1", 9))
    assert not made.is_peer_host(STRANGER)
