"""All targets by name, and what share of the inputs each gets."""

from __future__ import annotations

from tests.fuzz import corpus
from tests.fuzz.targets import Target, control, descriptions, messages, packets, values

TARGETS = {
    target.name: target
    for target in (
        Target("sip", corpus.sip, messages.check_message, 0.46, extra_seeds=corpus.torture),
        Target("stream", corpus.sip, messages.check_stream, 0.12, extra_seeds=corpus.torture),
        Target("sdp", corpus.sdp, descriptions.check, 0.12),
        Target("rtp", corpus.rtp, packets.check_rtp, 0.06, is_text=False),
        Target("rtcp", corpus.rtcp, packets.check_rtcp, 0.05, is_text=False),
        Target("stun", corpus.stun, packets.check_stun, 0.02, is_text=False),
        Target("dtmf", lambda: [b"\x05\x8a\x03\x20", b"\x10\x0a\x00\xa0"], packets.check_dtmf, 0.01, is_text=False),
        Target("uri", corpus.uris, values.check_uri, 0.03),
        Target("via", lambda: corpus.header_values("via", "v"), values.check_via, 0.02),
        Target(
            "address",
            lambda: corpus.header_values("from", "to", "contact", "route", "refer-to", "record-route"),
            values.check_address,
            0.03,
        ),
        Target(
            "digest",
            lambda: corpus.header_values("authorization", "www-authenticate"),
            values.check_digest,
            0.03,
        ),
        Target("control", corpus.control, control.check, 0.05),
    )
}
"""The endpoint, which keeps state, is apart: `tests.fuzz.world`."""
