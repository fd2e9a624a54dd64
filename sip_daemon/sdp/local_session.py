"""Our side of one leg's session: the o= line and what was announced so far (RFC 3264 §5, §8).

The rule of this file: the version in o= grows by one when the description changed, and only then, so a phone can tell
a refresh (session timer, repeated answer) from a change. Numbers and m= lines of earlier offers and answers are kept:
a later offer repeats every line and gives no number a new meaning.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import replace

from sip_daemon.sdp.audio import AudioDescription, dump_codec, load_codec
from sip_daemon.sdp.codec import Codec
from sip_daemon.sdp.description import Origin, SessionDescription
from sip_daemon.sdp.offer_answer import MediaLine, MediaOffer

SESSION_ID_BITS = 31
"""There are phones that read o= into a signed 32-bit number."""


def digest(body: bytes) -> str:
    """Enough to know a body again; the body itself may hold keys and is not kept."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


class LocalSession:
    """Makes the offers and answers of one leg. `used_codecs` is for `offer_for`."""

    __slots__ = ("_audio_index", "_lines", "_sent", "_session_id", "_version", "used_codecs")

    def __init__(self) -> None:
        self._session_id = secrets.randbits(SESSION_ID_BITS)
        self._version = 0
        self._sent = ""
        self._lines: tuple[MediaLine, ...] = ()
        self._audio_index = 0
        self.used_codecs: tuple[Codec, ...] = ()
        """Every codec that either side announced on this leg, the first holder of each number."""

    @property
    def version(self) -> int:
        """The version of the last description; 0 before the first."""
        return self._version

    def make_offer(self, audio: AudioDescription) -> bytes:
        """A body that offers this stream; other streams of the session stay refused (RFC 3264 §8)."""
        return self._describe(audio)

    def make_answer(self, offer: MediaOffer, audio: AudioDescription) -> bytes:
        """A body that answers that offer line by line: everything but `audio` is refused."""
        self._lines = offer.media_kinds
        self._audio_index = offer.audio_index
        self._remember(offer.audio.codecs)
        return self._describe(audio)

    def _describe(self, audio: AudioDescription) -> bytes:
        self._remember(audio.codecs)
        stream = audio.to_media()
        connection, stream = stream.connection, replace(stream, connection=None)
        media = [line.refused() for line in self._lines] or [stream]
        media[self._audio_index] = stream
        return self._versioned(audio.address.host, SessionDescription(connection=connection, media=tuple(media)))

    def _versioned(self, host: str, description: SessionDescription) -> bytes:
        """The body, with the next version if it differs from what was sent last."""
        first, *rest = description.lines()
        text = "\r\n".join([*rest, ""])
        said = digest(f"{host} {text}".encode())
        if said != self._sent:
            self._version += 1
            self._sent = said
        origin = Origin("-", str(self._session_id), str(self._version), host, "IP6" if ":" in host else "IP4")
        return f"{first}\r\no={origin}\r\n{text}".encode()

    def _remember(self, codecs: tuple[Codec, ...]) -> None:
        taken = {codec.payload_type for codec in self.used_codecs}
        new = [codec for codec in codecs if codec.payload_type not in taken]
        if new:
            self.used_codecs += tuple(new)

    def dump(self) -> dict[str, object]:
        """JSON values for `load`: part of a call's lasting state."""
        return {
            "id": self._session_id,
            "version": self._version,
            "sent": self._sent,
            "lines": [[line.kind, line.protocol, list(line.formats)] for line in self._lines],
            "audio_index": self._audio_index,
            "used": [dump_codec(codec) for codec in self.used_codecs],
        }

    @classmethod
    def load(cls, state: Mapping[str, object]) -> LocalSession:
        """What `dump` gave. Raises TypeError for anything else."""
        match state:
            case {
                "id": int(session_id),
                "version": int(version),
                "sent": str(sent),
                "lines": list(lines),
                "audio_index": int(audio_index),
                "used": list(used),
            }:
                session = cls()
                session._session_id = session_id
                session._version = version
                session._sent = sent
                session._lines = tuple(MediaLine(kind, protocol, tuple(formats)) for kind, protocol, formats in lines)
                session._audio_index = audio_index
                session.used_codecs = tuple(load_codec(codec) for codec in used)
                return session
            case _:
                raise TypeError("not the state of a local session")
