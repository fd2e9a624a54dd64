"""The offer/answer model for one audio stream (RFC 3264): what a peer offered or answered, and what we say to that.

The rule of this file: pure functions between message bodies and values. What comes out of `read_offer` can be used:
its codecs are those that a relay can carry, and there is at least one for speech. Whoever wants to refuse something
gets a `RemoteProtocolError`: 400 for a broken body, 488 with a warning text when nothing in it is usable.

Audio is relayed, not decoded. So the called phone is offered the codecs of the calling one, the calling one is
answered with what the called one took, and each leg keeps the payload type numbers that were announced on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import TransportAddress
from sip_daemon.sdp.audio import AudioDescription, Direction
from sip_daemon.sdp.codec import DEFAULT_CODECS, STATIC_CODECS, Codec, find, numbered_apart
from sip_daemon.sdp.description import MediaDescription, SessionDescription

USABLE_PROFILES: Final = frozenset({"RTP/AVP", "RTP/AVPF"})
"""RTP/AVPF only adds feedback messages, which may be left unsent (RFC 4585 §3.1), so it is answered alike."""


@dataclass(frozen=True, slots=True)
class MediaLine:
    """What of an m= line has to come back in the answer or a later offer, even when the stream is refused."""

    kind: str
    protocol: str
    formats: tuple[str, ...]

    def refused(self) -> MediaDescription:
        """The line with port 0 (RFC 3264 §6)."""
        return MediaDescription(self.kind, 0, self.protocol, self.formats)


@dataclass(frozen=True, slots=True)
class MediaOffer:
    """A peer's offer, reduced to its first usable audio stream."""

    audio: AudioDescription
    """Only the codecs that can be carried, in the peer's order."""
    media_kinds: tuple[MediaLine, ...]
    """All m= lines in their order, the audio one included."""
    audio_index: int = 0
    """Which of them `audio` is."""

    @property
    def playable_codecs(self) -> tuple[Codec, ...]:
        """Those of the offer that our own players speak, with telephone-event at the same rate. May lack speech."""
        return tuple(
            codec
            for codec in self.audio.codecs
            if codec.is_playable or (codec.is_telephone_event and codec.clock_rate == 8000)
        )


@dataclass(frozen=True, slots=True)
class MediaAnswer:
    """A peer's answer to an offer of ours."""

    audio: AudioDescription
    """Only codecs that we offered; the numbers are those that the peer announced."""


def read_offer(body: str | bytes) -> MediaOffer:
    """The first audio stream that we could take part in."""
    session = SessionDescription.parse(body)
    lines = tuple(MediaLine(media.kind, media.protocol, media.formats) for media in session.media)
    refusal = unusable("No audio stream is offered")
    for index, media in enumerate(session.media):
        if media.kind != "audio" or media.port == 0:
            continue
        try:
            return MediaOffer(usable_audio(media, session), lines, index)
        except RemoteProtocolError as error:
            if error.status != 488:
                raise
            refusal = error
    try:
        raise refusal
    finally:
        del refusal  # it has this frame in its traceback: no circle is left behind


def usable_audio(media: MediaDescription, session: SessionDescription) -> AudioDescription:
    """The stream with the codecs that can be carried."""
    check_profile(media)
    audio = AudioDescription.read(media, session)
    codecs = tuple([codec for codec in audio.codecs if codec.is_relayable])
    if not has_speech(codecs):
        raise unusable("None of the offered audio codecs can be carried")
    return audio if len(codecs) == len(audio.codecs) else replace(audio, codecs=codecs)


def check_profile(media: MediaDescription) -> None:
    profile = media.protocol.upper()
    if profile not in USABLE_PROFILES:
        secure = "SAVP" in profile
        raise unusable("Secure RTP is not available here" if secure else "Only RTP/AVP is available for audio here")


def unusable(warning: str) -> RemoteProtocolError:
    return RemoteProtocolError(warning, status=488, warning=warning)


def read_answer(body: str | bytes, our_offer: AudioDescription) -> MediaAnswer:
    """A peer's answer, held against what we offered: codecs that we did not offer are passed over, and the peer does
    not send or receive more than we allowed (RFC 3264 §6.1)."""
    session = SessionDescription.parse(body)
    media = next((media for media in session.media if media.kind == "audio" and media.port != 0), None)
    if media is None:
        raise unusable("The audio stream was refused")
    check_profile(media)
    audio = AudioDescription.read(name_by_offer(media, our_offer), session)
    codecs = tuple([codec for codec in audio.codecs if find(our_offer.codecs, codec) is not None])
    if not has_speech(codecs):
        raise unusable("None of the offered audio codecs was accepted")
    direction = audio.direction.combined(our_offer.direction.reversed)
    if direction is not audio.direction or len(codecs) != len(audio.codecs):
        audio = replace(audio, codecs=codecs, direction=direction)
    return MediaAnswer(audio)


def has_speech(codecs: Iterable[Codec]) -> bool:
    return any(codec.is_speech for codec in codecs)


def name_by_offer(media: MediaDescription, our_offer: AudioDescription) -> MediaDescription:
    """The answer's stream with rtpmap lines where it names a dynamic number of our offer and leaves rtpmap out: some
    phones answer `m=audio 4000 RTP/AVP 101` and no more."""
    named = {value.partition(" ")[0] for value in media.values("rtpmap")}
    missing = [
        ("rtpmap", f"{codec.payload_type} {codec.encoding}")
        for codec in our_offer.codecs
        if codec.payload_type not in STATIC_CODECS
        and str(codec.payload_type) in media.formats
        and str(codec.payload_type) not in named
    ]
    return replace(media, attributes=(*media.attributes, *missing)) if missing else media


def offer_for(other: AudioDescription, address: TransportAddress, used: Iterable[Codec] = ()) -> AudioDescription:
    """What we offer on one leg for the stream of the other: its codecs, its direction, our address.

    `used` is what was announced on this leg before (`LocalSession.used_codecs`); numbers keep their meaning.
    Always RTP/AVP, whatever the other leg runs: a profile is a matter of one leg.
    """
    return AudioDescription(
        address=address,
        codecs=numbered_apart(other.codecs, used),
        direction=other.direction,
        ptime=other.ptime,
    )


def default_offer(address: TransportAddress, codecs: Iterable[Codec] = DEFAULT_CODECS) -> AudioDescription:
    """What we offer when there is no offer to pass on."""
    return AudioDescription(address=address, codecs=tuple(codecs), ptime=20)


def answer_for(
    offer: MediaOffer,
    chosen: Iterable[Codec],
    address: TransportAddress,
    direction: Direction = Direction.SENDRECV,
    ptime: int | None = None,
) -> AudioDescription:
    """Our answer to an offer: those of its codecs that are among `chosen` (what the other leg accepted), in the order
    of `chosen`, under the offer's numbers and with the parameters of `chosen`, which speak for the side that will
    receive. `direction` is what the other leg answered; it is cut to what the offer allows.

    Raises `RemoteProtocolError` (488) when nothing for speech is left.
    """
    codecs = common_codecs(offer.audio.codecs, chosen)
    if not has_speech(codecs):
        raise unusable("None of the offered audio codecs was accepted")
    return AudioDescription(
        address=address,
        codecs=codecs,
        direction=direction.combined(offer.audio.direction.reversed),
        profile=offer.audio.profile,
        ptime=ptime,
    )


def common_codecs(offered: Iterable[Codec], chosen: Iterable[Codec]) -> tuple[Codec, ...]:
    """The codecs of `chosen` that were offered, under the numbers of the offer."""
    offered = tuple(offered)
    found: dict[int, Codec] = {}
    for codec in chosen:
        match = find([one for one in offered if one.payload_type not in found], codec)
        if match is not None:
            found[match.payload_type] = codec.numbered(match.payload_type)
    return tuple(found.values())


def service_answer(offer: MediaOffer, address: TransportAddress) -> AudioDescription:
    """The answer of one of our own players (echo, tone): G.711 in the caller's order. Raises 488 where it has none."""
    return answer_for(offer, offer.playable_codecs, address, ptime=20)
