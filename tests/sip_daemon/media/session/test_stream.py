"""Counting what comes, RFC 3550 appendix A, and the unbroken stream that goes out."""

from __future__ import annotations

import pytest

from sip_daemon.media.packets.rtp import RtpPacket
from sip_daemon.media.session.stream import ReceiveStream, SendStream
from sip_daemon.sdp.codec import Codec
from tests.support.media_worker import PCMU

FRAME = 160


def received(*sequences: int) -> ReceiveStream:
    stream = ReceiveStream(7, sequences[0], 0, 8000, 0.0)
    for index, sequence in enumerate(sequences):
        stream.count(sequence, index * FRAME, 160, index * 0.02)
    return stream


def continues(stream: ReceiveStream, sequence: int, *, ssrc: int = 7, codec: Codec = PCMU) -> bool:
    return stream.is_continued_by(RtpPacket(codec.payload_type, sequence & 0xFFFF, 0, ssrc, b"x"), codec)


def test_packets_in_order_are_all_received() -> None:
    stream = received(5, 6, 7)
    assert (stream.received, stream.lost, stream.octets) == (3, 0, 480)


def test_a_gap_is_a_loss_until_the_late_packet_comes() -> None:
    stream = received(5, 8)
    assert (stream.expected, stream.lost) == (4, 2)
    stream.count(6, FRAME, 160, 0.1)
    assert (stream.received, stream.lost) == (3, 1)


def test_the_sequence_is_extended_over_its_wrap() -> None:
    stream = received(0xFFFE, 0xFFFF, 0, 1)
    assert (stream.received, stream.lost) == (4, 0)
    assert stream.highest & 0xFFFF == 1


def test_duplicates_count_against_losses_in_reports_only() -> None:
    """RFC 3550 §6.4.1: the cumulative number may be negative; what is shown counts what never came."""
    stream = received(5, 5, 6)
    assert (stream.missing, stream.lost, stream.duplicates) == (-1, 0, 1)
    stream = received(5, 5, 8)
    assert (stream.missing, stream.lost, stream.duplicates) == (1, 2, 1)


def test_a_packet_behind_a_newer_one_is_late_once_and_then_a_duplicate() -> None:
    stream = received(5, 7, 6, 6)
    assert (stream.lost, stream.late, stream.duplicates) == (0, 1, 1)


def test_a_burst_is_one_gap_of_many_packets() -> None:
    stream = received(5, 10, 11, 13)
    assert (stream.lost, stream.gaps) == (5, 2)


def test_packets_from_before_the_first_make_no_loss_good() -> None:
    stream = received(5, 4, 7)
    assert (stream.lost, stream.late, stream.duplicates) == (1, 0, 1)


def test_of_a_long_gap_the_last_hundred_numbers_are_remembered() -> None:
    stream = received(5, 1005)
    stream.count(905, 0, 160, 0.1)
    stream.count(904, 0, 160, 0.1)
    assert (stream.late, stream.duplicates) == (1, 1)
    stream.count(1007, 0, 160, 0.1)
    assert len(stream.open_numbers or ()) <= 100


@pytest.mark.parametrize(("delay", "discarded"), [(0.059, 0), (0.061, 1), (0.085, 2), (0.16, 6), (1.5, 0)])
def test_what_comes_later_than_a_jitter_buffer_holds_is_discarded_with_what_was_held_up(
    delay: float, discarded: int
) -> None:
    """Packets of 20 ms and a buffer of 60 ms: of a way that takes 160 ms longer, six packets come too late."""
    stream = received(1, 2)
    stream.count(3, 2 * FRAME, 160, 0.04 + delay)
    for index in range(3, 20):  # the others were held up behind it, and come with it
        stream.count(1 + index, index * FRAME, 160, max(0.04 + delay, index * 0.02))
    assert (stream.discarded, stream.lost) == (discarded, 0)


def test_a_late_packet_is_of_use_while_the_buffer_waits_for_it() -> None:
    for lateness, discarded in ((0.04, 0), (0.08, 1)):
        stream = received(1)
        stream.count(3, 2 * FRAME, 160, 0.04)
        stream.count(2, FRAME, 160, 0.02 + lateness)
        assert (stream.late, stream.discarded) == (1, discarded)


def test_the_first_word_after_a_pause_is_not_late() -> None:
    """RFC 3551 §4.1: the marker begins a talkspurt; some phones stop their timestamp meanwhile."""
    stream = received(1, 2)
    stream.count(3, 2 * FRAME, 160, 0.5, is_talkspurt=True)
    assert stream.discarded == 0


def test_a_far_jump_is_another_run() -> None:
    stream = received(5, 6)
    assert continues(stream, 3006)
    assert not continues(stream, 3007)
    assert continues(stream, 6 - 100)
    assert not continues(stream, 6 - 101)


def test_another_source_or_clock_is_another_run_and_a_key_press_is_not() -> None:
    stream = received(5, 6)
    assert not continues(stream, 7, ssrc=8)
    assert not continues(stream, 7, codec=Codec(111, "opus", 48000, 2))
    assert continues(stream, 7, codec=Codec(110, "telephone-event", 48000))


def test_even_packets_have_no_jitter() -> None:
    assert received(*range(50)).jitter == pytest.approx(0, abs=1e-6)


def test_jitter_follows_the_formula() -> None:
    """RFC 3550 appendix A.8: a single packet 10 ms late adds 1/16 of 80 timestamp units."""
    stream = received(1, 2)
    stream.count(3, 2 * FRAME, 160, 0.05)
    assert stream.jitter == pytest.approx(80 / 16)


def test_a_timestamp_set_anew_is_not_taken_for_jitter() -> None:
    stream = received(1, 2)
    stream.count(3, 0xF0000000, 160, 0.04)
    assert stream.jitter == pytest.approx(0, abs=1e-6)


def test_the_fraction_lost_is_that_since_the_last_report() -> None:
    stream = received(1, 2, 3, 5)
    assert stream.take_fraction_lost() == 256 // 5
    stream.count(6, 5 * FRAME, 160, 0.2)
    assert stream.take_fraction_lost() == 0
    assert stream.take_fraction_lost() == 0


def sent_until(sequence: int, timestamp: int, at: float) -> SendStream:
    stream = SendStream(9, (sequence - 1) & 0xFFFF, timestamp)
    stream.count(sequence, timestamp, 160, at)
    return stream


def test_the_first_source_continues_from_the_random_start() -> None:
    stream = SendStream(9, 100, 5000)
    sequence, timestamp = stream.join(object(), 7, 900, 8000, FRAME, 1.0)
    assert ((7 + sequence) & 0xFFFF, (900 + timestamp) & 0xFFFFFFFF) == (101, 5160)


def test_another_source_goes_on_with_the_next_number_and_the_time_that_passed() -> None:
    stream = sent_until(100, 5000, at=1.0)
    sequence, timestamp = stream.join(object(), 40000, 77, 8000, FRAME, 1.5)
    assert ((40000 + sequence) & 0xFFFF, (77 + timestamp) & 0xFFFFFFFF) == (101, 9000)


def test_a_source_that_joins_at_once_is_at_least_one_frame_later() -> None:
    stream = sent_until(100, 5000, at=1.0)
    _, timestamp = stream.join(object(), 0, 0, 8000, FRAME, 1.001)
    assert timestamp == 5160


def test_numbers_of_ours_wrap() -> None:
    stream = sent_until(0xFFFF, 0xFFFFFFFF, at=1.0)
    assert stream.join(object(), 0, 0, 8000, FRAME, 1.0) == (0, 159)


def test_a_late_packet_does_not_take_the_stream_back() -> None:
    stream = sent_until(100, 5000, at=1.0)
    stream.count(98, 4680, 160, 1.01)
    assert (stream.sequence, stream.timestamp, stream.packets) == (100, 5000, 2)


def test_the_timestamp_for_reports_runs_on_between_packets() -> None:
    assert sent_until(100, 5000, at=1.0).timestamp_at(1.25) == 7000


def test_while_a_key_is_pressed_time_goes_on_and_the_timestamp_does_not() -> None:
    """RFC 3550 §6.4.1: a report's timestamp fits its time, also after a long telephone-event."""
    stream = SendStream(7, 0, 0)
    stream.count(1, 800, 4, 10.0)
    stream.count(2, 800, 4, 11.0)
    assert stream.timestamp_at(11.0) == 800 + 8000
