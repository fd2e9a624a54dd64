"""What the lines of an audio stream mean."""

from __future__ import annotations

import json
from itertools import product

import pytest

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import TransportAddress
from sip_daemon.sdp import AudioDescription, Codec, Direction, SessionDescription


def read(
    lines: str, session_lines: str = "c=IN IP4 192.0.2.7\n", media: str = "m=audio 4000 RTP/AVP 0 8 101"
) -> AudioDescription:
    session = SessionDescription.parse(f"v=0\n{session_lines}{media}\n{lines}")
    return AudioDescription.read(session.media[0], session)


def test_static_payload_types_need_no_rtpmap() -> None:
    audio = read("", media="m=audio 4000 RTP/AVP 0 8 9 18")
    assert [codec.name for codec in audio.codecs] == ["PCMU", "PCMA", "G722", "G729"]
    assert audio.codecs[2].clock_rate == 8000


def test_rtpmap_and_fmtp_name_a_dynamic_payload_type() -> None:
    audio = read("a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\n")
    assert audio.codecs[2] == Codec(101, "telephone-event", 8000, 1, "0-16")


def test_a_dynamic_payload_type_without_rtpmap_is_passed_over() -> None:
    assert [codec.payload_type for codec in read("").codecs] == [0, 8]


def test_channels_follow_the_clock_rate() -> None:
    audio = read("a=rtpmap:96 opus/48000/2\n", media="m=audio 4000 RTP/AVP 96")
    assert audio.codecs == (Codec(96, "opus", 48000, 2),)


def test_telephone_event_without_a_rate_runs_at_8000() -> None:
    assert read("a=rtpmap:101 telephone-event\n").codecs[2].clock_rate == 8000


def test_a_payload_type_listed_twice_counts_once() -> None:
    assert len(read("", media="m=audio 4000 RTP/AVP 0 0").codecs) == 1


def test_the_streams_own_address_wins_over_the_sessions() -> None:
    assert read("c=IN IP6 2001:DB8::9\n").address == TransportAddress("2001:db8::9", 4000)


def test_a_session_level_direction_holds_for_a_stream_without_one() -> None:
    session = "c=IN IP4 192.0.2.7\na=sendonly\n"
    assert read("", session).direction is Direction.SENDONLY
    assert read("a=sendrecv\n", session).direction is Direction.SENDRECV


def test_no_direction_means_sendrecv() -> None:
    assert read("").direction is Direction.SENDRECV


@pytest.mark.parametrize(
    "line", ["a=sendonly\n", "a=inactive\n", "c=IN IP4 0.0.0.0\n", "c=IN IP6 ::\n", "c=IN IP6 h.invalid\n"]
)
def test_every_form_of_hold_is_known(line: str) -> None:
    assert read(line).is_hold


def test_an_unspecified_address_is_hold_like_sendonly() -> None:
    """RFC 3264 §8.4: so it was written in RFC 2543."""
    audio = read("c=IN IP4 0.0.0.0\n")
    assert audio.direction is Direction.SENDONLY
    assert audio.has_no_address


def test_an_unspecified_address_with_recvonly_leaves_nothing() -> None:
    assert read("c=IN IP4 0.0.0.0\na=recvonly\n").direction is Direction.INACTIVE


def test_ptime_rtcp_and_rtcp_mux_are_read() -> None:
    audio = read("a=ptime:30\na=rtcp:4010 IN IP4 192.0.2.7\na=rtcp-mux\n")
    assert (audio.ptime, audio.rtcp_port, audio.rtcp_mux) == (30, 4010, True)


@pytest.mark.parametrize(("text", "expected"), [("20.0", 20), ("0", None), ("", None)])
def test_a_ptime_that_asks_for_nothing_or_a_fraction_is_tolerated(text: str, expected: int | None) -> None:
    assert read(f"a=ptime:{text}\n").ptime == expected


@pytest.mark.parametrize(
    "line",
    [
        "a=ptime:99999\n",
        "a=ptime:20.x\n",
        "a=ptime:-20\n",
        "a=rtcp:0\n",
        "a=rtcp:\n",
        "a=rtcp:banana\n",
        "a=rtpmap:300 x/8000\n",
        "a=rtpmap:96 x/0\n",
        "a=rtpmap:96 x/999999999\n",
        "a=rtpmap:96 x/8000/200\n",
        "a=rtpmap:96 x\n",
        "a=rtpmap:96 /8000\n",
        "a=fmtp:banana 0-15\n",
    ],
)
def test_absurd_values_are_refused_with_400(line: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read(line)
    assert caught.value.status == 400


def test_a_payload_type_beyond_seven_bits_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="payload type"):
        read("", media="m=audio 4000 RTP/AVP 128")


@pytest.mark.parametrize(
    "address", ["224.2.1.1/127", "ff15::101", "255.255.255.255", "phone.example.com", "fe80::1%eth0"]
)
def test_an_address_that_is_not_one_host_is_refused_with_488(address: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read(f"c=IN IP4 {address}\n")
    assert caught.value.status == 488
    assert caught.value.warning


def test_a_stream_without_any_address_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="no c= line"):
        read("", session_lines="")


def test_crypto_fingerprint_and_ice_are_kept_unread() -> None:
    audio = read(
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\na=setup:actpass\na=ice-ufrag:x\na=ice-lite\n",
        "c=IN IP4 192.0.2.7\na=fingerprint:sha-256 AA:BB\n",
    )
    assert audio.crypto == ("1 AES_CM_128_HMAC_SHA1_80 inline:abc",)
    assert audio.fingerprint == ("setup:actpass", "fingerprint:sha-256 AA:BB")
    assert audio.ice == ("ice-ufrag:x", "ice-lite")


def test_keys_are_in_no_repr_and_no_dump() -> None:
    audio = read("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:topsecret\na=ice-pwd:topsecret\n")
    assert "topsecret" not in repr(audio)
    assert "topsecret" not in json.dumps(audio.dump())


def test_a_stream_makes_the_round_trip_through_text() -> None:
    audio = AudioDescription(
        TransportAddress("2001:db8::1", 20000),
        (Codec(8, "PCMA", 8000), Codec(101, "telephone-event", 8000, 1, "0-15")),
        direction=Direction.SENDONLY,
        ptime=20,
        rtcp_port=20001,
        rtcp_mux=True,
        crypto=("1 AES_CM_128_HMAC_SHA1_80 inline:abc",),
        fingerprint=("fingerprint:sha-256 AA", "setup:active"),
        ice=("ice-lite",),
    )
    session = SessionDescription(media=(audio.to_media(),))
    again = SessionDescription.parse(str(session))
    assert AudioDescription.read(again.media[0], again) == audio


def test_a_stream_makes_the_round_trip_through_json() -> None:
    audio = read("a=rtpmap:101 telephone-event/8000\na=ptime:20\na=sendonly\n")
    assert AudioDescription.load(json.loads(json.dumps(audio.dump()))) == audio


@pytest.mark.parametrize(
    "state", [{}, {"host": 1}, {"host": "h", "port": 1, "codecs": [[1]], "ptime": None, "rtcp_port": None}]
)
def test_a_state_that_is_none_is_refused(state: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        AudioDescription.load(state)


@pytest.mark.parametrize("direction", list(Direction))
def test_a_direction_reversed_twice_is_itself(direction: Direction) -> None:
    assert direction.reversed.reversed is direction


def test_sendonly_is_answered_recvonly_and_inactive_inactive() -> None:
    assert Direction.SENDONLY.reversed is Direction.RECVONLY
    assert Direction.INACTIVE.reversed is Direction.INACTIVE


@pytest.mark.parametrize(("one", "other"), list(product(Direction, Direction)))
def test_combined_directions_allow_what_both_allow(one: Direction, other: Direction) -> None:
    both = one.combined(other)
    assert both.sends == (one.sends and other.sends)
    assert both.receives == (one.receives and other.receives)
