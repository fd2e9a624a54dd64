from __future__ import annotations

import time
from collections.abc import Iterable

import pytest

from sip_daemon.message import Frame, MalformedMessage, MessageLimits, Ping, Pong, Response, StreamFramer
from tests.support.messages import SDP, invite, request_bytes

INVITE = bytes(invite())
OPTIONS = request_bytes()


def frames_of(pieces: Iterable[bytes]) -> list[Frame]:
    framer = StreamFramer()
    return [frame for piece in pieces for frame in framer.receive_data(piece)]


def singly(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


def refusal(data: bytes, framer: StreamFramer | None = None) -> MalformedMessage:
    with pytest.raises(MalformedMessage) as refused:
        (framer or StreamFramer()).receive_data(data)
    return refused.value


def test_messages_are_cut_at_content_length() -> None:
    assert frames_of([INVITE + OPTIONS + INVITE]) == [INVITE, OPTIONS, INVITE]


def test_a_message_may_come_byte_by_byte() -> None:
    assert frames_of(singly(INVITE + OPTIONS)) == [INVITE, OPTIONS]


@pytest.mark.parametrize("cut", range(1, len(INVITE), 7))
def test_a_message_may_come_in_two_pieces(cut: int) -> None:
    framer = StreamFramer()
    assert framer.receive_data(INVITE[:cut]) == []
    assert framer.is_inside_message
    assert framer.receive_data(INVITE[cut:] + OPTIONS[:5]) == [INVITE]


def test_the_body_may_hold_blank_lines_and_what_looks_like_a_header() -> None:
    data = request_bytes("MESSAGE", body=b"\r\n\r\nContent-Length: 9\r\n\r\n\n\n")
    assert frames_of([data + OPTIONS]) == [data, OPTIONS]


@pytest.mark.parametrize("field", ["Content-Length", "content-length", "l", "L", "CONTENT-LENGTH  "])
def test_content_length_is_found_in_each_spelling(field: str) -> None:
    data = OPTIONS.replace(b"Content-Length: 0", f"{field}:\r\n 5".encode()) + b"hello"
    assert frames_of([data]) == [data]


def test_a_head_with_bare_lf_is_framed() -> None:
    data = INVITE.replace(b"\r\n", b"\n", INVITE.partition(b"\r\n\r\n")[0].count(b"\r\n")).replace(
        b"\r\n\r\n", b"\n\n", 1
    )
    assert SDP in data
    assert frames_of([data + OPTIONS]) == frames_of(singly(data + OPTIONS)) == [data, OPTIONS]


def test_the_first_blank_line_ends_the_head_whatever_follows() -> None:
    data = OPTIONS.removesuffix(b"\r\n\r\n") + b"\n\n"
    assert frames_of([data + b"\r\n\r\n"]) == [data, Ping()]
    assert frames_of(singly(data + b"\r\n")) == [data, Pong()]


class TestKeepAlive:
    """RFC 5626 §4.4.1."""

    def test_a_double_crlf_is_a_ping(self) -> None:
        assert frames_of([b"\r\n\r\n"]) == [Ping()]

    def test_a_single_crlf_is_a_pong_and_never_a_ping(self) -> None:
        assert frames_of([b"\r\n"]) == [Pong()]
        assert frames_of([b"\r\n" + OPTIONS + b"\r\n" + OPTIONS]) == [Pong(), OPTIONS, Pong(), OPTIONS]

    @pytest.mark.parametrize(
        "pieces", [[b"\r", b"\n\r\n"], [b"\r\n", b"\r\n"], [b"\r\n\r", b"\n"], singly(b"\r\n\r\n")]
    )
    def test_a_ping_in_pieces_is_one_ping(self, pieces: list[bytes]) -> None:
        frames = frames_of(pieces)
        assert frames.count(Ping()) == 1
        assert frames[-1] == Ping()

    def test_a_ping_behind_a_message_and_before_another(self) -> None:
        assert frames_of([OPTIONS + b"\r\n\r\n" + OPTIONS]) == [OPTIONS, Ping(), OPTIONS]

    def test_each_ping_is_reported(self) -> None:
        assert frames_of([b"\r\n\r\n" * 3]) == [Ping()] * 3

    def test_halves_on_both_sides_of_a_message_are_no_ping(self) -> None:
        frames = frames_of([b"\r\n", OPTIONS, b"\r\n", OPTIONS])
        assert Ping() not in frames

    def test_a_bare_lf_is_neither(self) -> None:
        assert frames_of([b"\n\n\n", OPTIONS, b"\n", OPTIONS]) == [OPTIONS, OPTIONS]
        assert frames_of([b"\n" * 60_000]) == []

    def test_nothing_is_left_over_after_a_ping(self) -> None:
        framer = StreamFramer()
        framer.receive_data(b"\r\n\r\n")
        assert not framer.is_inside_message


class TestFaults:
    @pytest.mark.parametrize("length", ["-1", "x", "", "1 2", "9" * 40])
    def test_a_malformed_content_length_is_400(self, length: str) -> None:
        error = refusal(request_bytes(headers={"Content-Length": length}))
        assert error.status == 400
        assert error.partial is not None

    def test_a_missing_content_length_is_400_on_a_stream(self) -> None:
        assert refusal(request_bytes(headers={"Content-Length": None})).status == 400

    def test_two_content_lengths_are_400(self) -> None:
        assert refusal(request_bytes(headers={"Content-Length": "0", "l": "5"})).status == 400

    def test_a_body_beyond_the_limit_is_413_before_it_comes(self) -> None:
        error = refusal(request_bytes(headers={"Content-Length": "70000"}))
        assert error.status == 413
        assert error.partial is not None
        assert Response.to_request(error.partial, 413).cseq.method == "OPTIONS"

    def test_a_head_without_end_is_413(self) -> None:
        framer = StreamFramer(MessageLimits(max_head_bytes=1000))
        framer.receive_data(OPTIONS[:-2] + b"X: ")
        error = refusal(b"x" * 1000, framer)
        assert error.status == 413
        assert error.partial is not None

    def test_a_head_that_ends_beyond_the_limit_is_413(self) -> None:
        assert refusal(request_bytes(headers={"X-Own": "x" * 20_000})).status == 413

    def test_messages_in_front_of_the_fault_are_returned_first(self) -> None:
        framer = StreamFramer()
        assert framer.receive_data(OPTIONS + request_bytes(headers={"Content-Length": "x"})) == [OPTIONS]
        assert framer.error is not None
        assert refusal(b"", framer) is framer.error

    def test_a_broken_stream_stays_broken(self) -> None:
        framer = StreamFramer()
        first = refusal(request_bytes(headers={"Content-Length": None}), framer)
        assert refusal(OPTIONS, framer) is first is framer.error
        assert not framer.is_inside_message


@pytest.mark.parametrize(
    "data", [b"x" * 16_000, b"\r" * 16_000, b"x\n" * 8_000, b"\n" * 16_000, b"\r\n" * 8_000, b"a:\r" * 5_000]
)
def test_bytes_one_by_one_take_linear_time(data: bytes) -> None:
    framer = StreamFramer()
    started = time.process_time()
    try:
        for piece in singly(data):
            framer.receive_data(piece)
    except MalformedMessage:
        pass
    assert time.process_time() - started < 0.5
