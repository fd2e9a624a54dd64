"""Session descriptions, and the offers and answers that are read out of them."""

from __future__ import annotations

from contextlib import suppress

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import TransportAddress
from sip_daemon.sdp import DEFAULT_CODECS, AudioDescription, SessionDescription
from sip_daemon.sdp.offer_answer import answer_for, default_offer, offer_for, read_answer, read_offer, service_answer

OURS = TransportAddress("192.0.2.1", 20000)
OFFER = default_offer(OURS)
STATUSES = {400, 488}


def check(data: bytes) -> None:
    """Any body gives a description or `RemoteProtocolError`; a description makes the round trip. An offer that is read
    can be passed on, answered and kept; an answer holds only what was offered."""
    try:
        session = SessionDescription.parse(data)
    except RemoteProtocolError as error:
        require(error.status == 400)
    else:
        assert SessionDescription.parse(str(session)) == session
    check_offer(data)
    with suppress(RemoteProtocolError):
        answer = read_answer(data, OFFER).audio
        offered = {(codec.name.lower(), codec.clock_rate) for codec in OFFER.codecs}
        assert {(codec.name.lower(), codec.clock_rate) for codec in answer.codecs} <= offered


def require(holds: bool) -> None:
    assert holds


def check_offer(data: bytes) -> None:
    try:
        offer = read_offer(data)
    except RemoteProtocolError as error:
        require(error.status in STATUSES)
        return
    assert any(codec.is_speech for codec in offer.audio.codecs)
    assert AudioDescription.load(offer.audio.dump()).codecs == offer.audio.codecs
    passed_on = offer_for(offer.audio, OURS)
    numbers = [codec.payload_type for codec in passed_on.codecs]
    assert len(numbers) == len(set(numbers))
    assert all(0 <= number <= 127 for number in numbers)
    str(passed_on.to_media())
    with suppress(RemoteProtocolError):
        answer = answer_for(offer, DEFAULT_CODECS, OURS)
        assert {codec.payload_type for codec in answer.codecs} <= {codec.payload_type for codec in offer.audio.codecs}
        service_answer(offer, OURS)
