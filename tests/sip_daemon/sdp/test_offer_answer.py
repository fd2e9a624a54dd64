"""RFC 3264 for one relayed audio stream."""

from __future__ import annotations

import pytest

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import TransportAddress
from sip_daemon.sdp import DEFAULT_CODECS, AudioDescription, Codec, Direction, LocalSession, SessionDescription
from sip_daemon.sdp.offer_answer import (
    answer_for,
    default_offer,
    offer_for,
    read_answer,
    read_offer,
    service_answer,
)

OURS = TransportAddress("198.51.100.1", 20000)
HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
PHONE = (
    HEAD + "m=audio 4000 RTP/AVP 111 9 8 0 101\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
)


def names(audio: AudioDescription) -> list[str]:
    return [codec.name for codec in audio.codecs]


def refusal(body: str) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        read_offer(body)
    return caught.value


# Reading an offer


def test_an_offer_keeps_the_codecs_that_can_be_carried_in_its_order() -> None:
    body = HEAD + "m=audio 4000 RTP/AVP 63 18 0\r\na=rtpmap:63 red/8000\r\n"
    assert names(read_offer(body).audio) == ["G729", "PCMU"]


def test_the_first_usable_audio_stream_counts() -> None:
    body = (
        HEAD
        + "m=video 5000 RTP/AVP 31\r\nm=audio 4002 RTP/SAVP 0\r\nm=audio 4000 RTP/AVP 0\r\nm=audio 4004 RTP/AVP 8\r\n"
    )
    offer = read_offer(body)
    assert offer.audio.address.port == 4000
    assert offer.audio_index == 2
    assert [line.kind for line in offer.media_kinds] == ["video", "audio", "audio", "audio"]


def test_avpf_is_taken_as_well() -> None:
    assert read_offer(PHONE.replace("RTP/AVP", "RTP/AVPF")).audio.profile == "RTP/AVPF"


@pytest.mark.parametrize(
    ("media", "warning"),
    [
        ("m=video 4000 RTP/AVP 31\r\n", "No audio stream is offered"),
        ("", "No audio stream is offered"),
        ("m=audio 0 RTP/AVP 0\r\n", "No audio stream is offered"),
        ("m=audio 4000 RTP/SAVP 0\r\n", "Secure RTP is not available here"),
        ("m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n", "Secure RTP is not available here"),
        ("m=audio 4000 TCP/RTP/AVP 0\r\n", "Only RTP/AVP is available for audio here"),
        (
            "m=audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n",
            "None of the offered audio codecs can be carried",
        ),
        ("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 martian/8000\r\n", "None of the offered audio codecs can be carried"),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 224.2.1.1\r\n", "The media address is not usable"),
    ],
)
def test_an_offer_with_nothing_usable_is_refused_with_488_and_the_reason(media: str, warning: str) -> None:
    error = refusal(HEAD + media)
    assert (error.status, error.warning) == (488, warning)


def test_an_offer_with_a_broken_audio_line_is_refused_with_400() -> None:
    assert refusal(HEAD + "m=audio 4000 RTP/AVP 999\r\n").status == 400


# Reading an answer


def offered() -> AudioDescription:
    return offer_for(read_offer(PHONE).audio, OURS)


def test_an_answer_keeps_the_peers_numbers() -> None:
    body = HEAD + "m=audio 4000 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 telephone-event/8000\r\n"
    assert [codec.payload_type for codec in read_answer(body, offered()).audio.codecs] == [96, 97]


def test_a_codec_that_was_not_offered_is_passed_over() -> None:
    assert names(read_answer(HEAD + "m=audio 4000 RTP/AVP 18 8\r\n", offered()).audio) == ["PCMA"]


def test_a_dynamic_number_without_rtpmap_in_an_answer_means_what_the_offer_said() -> None:
    answer = read_answer(HEAD + "m=audio 4000 RTP/AVP 0 101\r\n", offered())
    assert names(answer.audio) == ["PCMU", "telephone-event"]


def test_an_answer_that_takes_more_than_was_offered_is_cut() -> None:
    held = offered().with_direction(Direction.SENDONLY)
    assert read_answer(HEAD + "m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n", held).audio.direction is Direction.RECVONLY


@pytest.mark.parametrize(
    "media",
    [
        "m=audio 0 RTP/AVP 0\r\n",
        "m=audio 4000 RTP/AVP 18\r\n",
        "m=audio 4000 RTP/AVP 101\r\n",
        "m=audio 4000 RTP/SAVP 0\r\n",
        "",
    ],
)
def test_an_answer_without_usable_audio_is_refused(media: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read_answer(HEAD + media, offered())
    assert caught.value.status == 488


# Making offers and answers


def test_the_other_leg_is_offered_the_same_codecs_at_our_address() -> None:
    offer = read_offer(PHONE.replace("RTP/AVP", "RTP/AVPF") + "a=sendonly\r\na=ptime:30\r\n").audio
    passed = offer_for(offer, OURS)
    assert passed.codecs == offer.codecs
    assert (passed.address, passed.direction, passed.profile, passed.ptime) == (OURS, Direction.SENDONLY, "RTP/AVP", 30)


def test_nothing_secret_of_one_leg_is_offered_to_the_other() -> None:
    offer = read_offer(PHONE + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\na=ice-ufrag:x\r\n").audio
    passed = offer_for(offer, OURS)
    assert (passed.crypto, passed.ice, passed.fingerprint) == ((), (), ())


def test_a_later_offer_keeps_the_numbers_of_the_leg() -> None:
    used = (Codec(101, "opus", 48000, 2),)
    assert [codec.payload_type for codec in offer_for(read_offer(PHONE).audio, OURS, used).codecs] == [101, 9, 8, 0, 96]


def test_an_answer_holds_what_the_other_leg_took_under_the_offers_numbers() -> None:
    chosen = (
        Codec(8, "PCMA", 8000),
        Codec(96, "opus", 48000, 2, "stereo=0"),
        Codec(97, "telephone-event", 8000, 1, "0-15"),
    )
    answer = answer_for(read_offer(PHONE), chosen, OURS)
    assert answer.codecs == (
        Codec(8, "PCMA", 8000),
        Codec(111, "opus", 48000, 2, "stereo=0"),
        Codec(101, "telephone-event", 8000, 1, "0-15"),
    )


def test_an_answer_has_the_profile_of_its_offer() -> None:
    offer = read_offer(PHONE.replace("RTP/AVP", "RTP/AVPF"))
    assert answer_for(offer, DEFAULT_CODECS, OURS).profile == "RTP/AVPF"


@pytest.mark.parametrize(
    ("offered_direction", "answered", "expected"),
    [
        ("sendrecv", Direction.SENDRECV, "sendrecv"),
        ("sendonly", Direction.SENDRECV, "recvonly"),
        ("sendonly", Direction.RECVONLY, "recvonly"),
        ("inactive", Direction.SENDRECV, "inactive"),
        ("recvonly", Direction.SENDRECV, "sendonly"),
        ("sendrecv", Direction.INACTIVE, "inactive"),
    ],
)
def test_an_answer_allows_no_more_than_its_offer(offered_direction: str, answered: Direction, expected: str) -> None:
    """RFC 3264 §6.1."""
    offer = read_offer(f"{PHONE}a={offered_direction}\r\n")
    assert answer_for(offer, DEFAULT_CODECS, OURS, answered).direction == expected


def test_legs_without_a_common_speech_codec_are_refused_with_488() -> None:
    chosen = (Codec(18, "G729", 8000), Codec(101, "telephone-event", 8000))
    with pytest.raises(RemoteProtocolError) as caught:
        answer_for(read_offer(PHONE), chosen, OURS)
    assert caught.value.status == 488


def test_two_amr_payloads_are_told_apart() -> None:
    body = HEAD + (
        "m=audio 4000 RTP/AVP 96 97\r\na=rtpmap:96 AMR/8000\r\na=rtpmap:97 AMR/8000\r\na=fmtp:97 octet-align=1\r\n"
    )
    answer = answer_for(read_offer(body), (Codec(110, "AMR", 8000, 1, "octet-align=1"),), OURS)
    assert [codec.payload_type for codec in answer.codecs] == [97]


def test_our_own_players_answer_with_g711_in_the_callers_order() -> None:
    assert names(service_answer(read_offer(PHONE), OURS)) == ["PCMA", "PCMU", "telephone-event"]


def test_our_own_players_refuse_an_offer_without_g711() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        service_answer(read_offer(HEAD + "m=audio 4000 RTP/AVP 18\r\n"), OURS)
    assert caught.value.status == 488


# Our side of a session


def parsed(body: bytes) -> SessionDescription:
    return SessionDescription.parse(body)


def version(body: bytes) -> int:
    origin = parsed(body).origin
    assert origin is not None
    return int(origin.version)


def test_an_answer_refuses_every_other_stream_in_its_place() -> None:
    body = HEAD + "m=video 5000 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 0\r\nm=image 6000 udptl t38\r\n"
    offer = read_offer(body)
    answer = parsed(LocalSession().make_answer(offer, answer_for(offer, DEFAULT_CODECS, OURS)))
    assert [(media.kind, media.port, media.protocol) for media in answer.media] == [
        ("video", 0, "RTP/AVP"),
        ("audio", 20000, "RTP/AVP"),
        ("image", 0, "udptl"),
    ]


def test_a_later_offer_repeats_every_stream_of_the_session() -> None:
    """RFC 3264 §8."""
    session = LocalSession()
    offer = read_offer(HEAD + "m=video 5000 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 0\r\n")
    session.make_answer(offer, answer_for(offer, DEFAULT_CODECS, OURS))
    later = parsed(session.make_offer(default_offer(OURS)))
    assert [(media.kind, media.port) for media in later.media] == [("video", 0), ("audio", 20000)]


def test_our_description_reads_back_as_what_was_meant() -> None:
    audio = default_offer(TransportAddress("2001:db8::1", 20000))
    again = read_offer(LocalSession().make_offer(audio)).audio
    assert again == audio


def test_the_version_grows_only_when_the_description_changed() -> None:
    session = LocalSession()
    first = session.make_offer(default_offer(OURS))
    assert session.make_offer(default_offer(OURS)) == first
    changed = session.make_offer(default_offer(OURS).with_direction(Direction.SENDONLY))
    assert version(changed) == version(first) + 1
    back = session.make_offer(default_offer(OURS))
    assert version(back) == version(first) + 2


def test_a_session_goes_on_after_dump_and_load() -> None:
    session = LocalSession()
    offer = read_offer(PHONE + "m=video 5000 RTP/AVP 31\r\n")
    body = session.make_answer(offer, answer_for(offer, DEFAULT_CODECS, OURS))
    again = LocalSession.load(session.dump())
    assert again.make_answer(offer, answer_for(offer, DEFAULT_CODECS, OURS)) == body
    assert again.used_codecs == session.used_codecs


def test_the_dump_of_a_session_holds_no_body() -> None:
    session = LocalSession()
    session.make_offer(default_offer(OURS))
    assert OURS.host not in str(session.dump())


def test_a_state_that_is_none_of_a_session_is_refused() -> None:
    with pytest.raises(TypeError):
        LocalSession.load({"id": 1})


def test_numbers_announced_by_either_side_are_remembered() -> None:
    session = LocalSession()
    offer = read_offer(PHONE)
    session.make_answer(offer, answer_for(offer, (Codec(0, "PCMU", 8000),), OURS))
    assert {codec.payload_type for codec in session.used_codecs} == {111, 9, 8, 0, 101}
