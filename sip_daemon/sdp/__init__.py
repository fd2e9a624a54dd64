"""Session descriptions (RFC 8866) and the offer/answer model (RFC 3264) for one audio stream.

    description     lines and their grammar
    codec           payload types and which of them can be relayed
    audio           what an audio stream's lines mean
    offer_answer    a peer's offer or answer read, ours made
    local_session   o= and what was announced on a leg so far

The rule: values and pure functions; nothing here opens a port or knows a call.
"""

from sip_daemon.sdp import offer_answer
from sip_daemon.sdp.audio import AudioDescription, Direction
from sip_daemon.sdp.codec import DEFAULT_CODECS, SERVICE_CODECS, Codec
from sip_daemon.sdp.description import SessionDescription
from sip_daemon.sdp.local_session import LocalSession
from sip_daemon.sdp.offer_answer import MediaAnswer, MediaLine, MediaOffer

__all__ = [
    "DEFAULT_CODECS",
    "SERVICE_CODECS",
    "AudioDescription",
    "Codec",
    "Direction",
    "LocalSession",
    "MediaAnswer",
    "MediaLine",
    "MediaOffer",
    "SessionDescription",
    "offer_answer",
]
