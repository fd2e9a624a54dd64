"""What one leg offered or answered, said again to the other leg: what `sdp.offer_answer` leaves to the call.

Audio is relayed and never transcoded, so both legs have to settle on codecs that the two phones share; only the
numbers, the addresses and the order of preference are each leg's own. A direction goes through unchanged: towards one
phone we speak for the other.
"""

from __future__ import annotations

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import TransportAddress
from sip_daemon.media_plane import RemoteMedia
from sip_daemon.sdp import AudioDescription, Codec, MediaOffer, offer_answer

DEFAULT_PTIME_MS = 20


def carry_answer(offer: MediaOffer, other: AudioDescription, address: TransportAddress) -> AudioDescription | None:
    """The answer that the phone which offered gets from us, for the other phone; None without a common codec."""
    try:
        return offer_answer.answer_for(offer, other.codecs, address, other.direction, other.ptime)
    except RemoteProtocolError:
        return None


def single(codecs: tuple[Codec, ...]) -> tuple[Codec, ...]:
    """The first speech codec and the digits that go with its clock: no choice is left open."""
    speech = next((codec for codec in codecs if codec.is_speech), None)
    if speech is None:
        return ()
    digits = (codec for codec in codecs if codec.is_telephone_event and codec.clock_rate == speech.clock_rate)
    return (speech, *digits)


def takes(audio: AudioDescription, codecs: tuple[Codec, ...]) -> bool:
    """Whether the phone of `audio` understands what another that has settled on `codecs` speaks, which is the first."""
    speech = single(codecs)
    return not speech or any(codec.same_as(speech[0]) for codec in audio.codecs)


def changes_nothing(before: AudioDescription, after: AudioDescription) -> bool:
    """Whether the other phone need not hear of it: only our peer's own address or numbers changed."""
    if before.direction is not after.direction or len(before.codecs) != len(after.codecs):
        return False
    return all(codec.same_as(other) for codec, other in zip(before.codecs, after.codecs, strict=True))


def settle(remote: AudioDescription, local: AudioDescription, signalling_host: str) -> RemoteMedia:
    """What the media plane has to know of a leg after an offer and its answer."""
    return RemoteMedia(
        address=remote.address,
        codecs=remote.codecs,
        local_codecs=local.codecs,
        direction=remote.direction.combined(local.direction.reversed),
        signalling_host=signalling_host,
        ptime=remote.ptime or DEFAULT_PTIME_MS,
        rtcp_port=remote.rtcp_port,
        rtcp_mux=remote.rtcp_mux and local.rtcp_mux,
    )
