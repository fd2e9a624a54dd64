"""How well a listener hears: the E-model (ITU-T G.107) with the codec values of G.113 appendix I.

Only what a relay can know is put in: codec, loss and its burstiness, delay. All else has the default values of G.107
table 3, which give R = 93.2. What this means for the figure:

* It is an estimate for a listener with a good handset in a quiet room. Echo, noise and level are not measured.
* The scale is the narrow-band one, up to 4.41. Wide-band codecs (G.722, Opus) sound better than their figure says.
* The listener's jitter buffer is assumed to hold `BUFFER_MS`; a phone with a shorter one loses more, one with a longer
  one waits more.
* G.711 is taken with packet loss concealment, which every phone of this century has.

A value is made once in some seconds for each direction of a leg, never for a packet.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

DEFAULT_R: Final = 93.2
"""G.107 §7.7: the rating with all parameters at their defaults."""

BUFFER_MS: Final = 60
"""What the listener's jitter buffer is assumed to hold."""

FRAME_MS: Final = 20
"""One packet of speech is gathered before it can be sent."""


class Impairment(NamedTuple):
    """What a codec takes away by itself, and how well it stands losses."""

    ie: float
    """Equipment impairment factor without loss."""
    bpl: float
    """Packet-loss robustness factor."""


CODECS: Final = {
    "PCMU": Impairment(0, 25.1),
    "PCMA": Impairment(0, 25.1),
    "G729": Impairment(11, 19.0),
    "G723": Impairment(15, 16.1),
    "G728": Impairment(7, 10.0),
    "GSM": Impairment(20, 10.0),
    "AMR": Impairment(5, 10.0),
}
"""By RTP name. G.113 gives Bpl for G.711 with concealment, G.729A, G.723.1 and GSM EFR; the 10 is that of GSM EFR, for
codecs of its kind which the table leaves out."""

OTHER: Final = Impairment(0, 10.0)
"""Wide-band codecs have no value on this scale: no impairment by themselves, and a cautious robustness."""


def transmission_rating(codec: str, loss: float, burst_ratio: float, delay_ms: float) -> float:
    """R of G.107: 93.2 and less; below 0 nothing is understood.

    `loss` from 0 to 1, what came too late included; `burst_ratio` is 1 for losses by chance and more for bursts.
    """
    return DEFAULT_R - delay_impairment(delay_ms) - loss_impairment(codec, loss, burst_ratio)


def delay_impairment(one_way_ms: float) -> float:
    """Idd of G.107 §7.4: what absolute delay alone does to a conversation. None up to 100 ms."""
    if one_way_ms <= 100:
        return 0.0
    x = math.log2(one_way_ms / 100)
    return float(25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2))


def loss_impairment(codec: str, loss: float, burst_ratio: float) -> float:
    """Ie,eff of G.107 §7.5."""
    ie, bpl = CODECS.get(codec.partition("/")[0].upper(), OTHER)
    percent = 100 * loss
    return ie + (95 - ie) * percent / (percent / max(1.0, burst_ratio) + bpl)


def opinion_score(rating: float) -> float:
    """Estimated mean opinion score of G.107 annex B: 1 (bad) to 4.5."""
    if rating <= 0:
        return 1.0
    if rating >= 100:
        return 4.5
    # Below 6.5 the polynomial dips under its value at 0, which is nobody's opinion.
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)


def estimate(codec: str, loss: float, burst_ratio: float, rtt_ms: float | None) -> float:
    """The score of one direction. Without a measured round trip the way is taken for short."""
    delay = FRAME_MS + BUFFER_MS + (rtt_ms or 0.0) / 2
    return opinion_score(transmission_rating(codec, loss, burst_ratio, delay))


def burst_ratio(lost: int, gaps: int, loss: float) -> float:
    """BurstR of G.107 §3: the mean length of the observed gaps, against that of losses by chance."""
    if gaps <= 0 or lost <= gaps:
        return 1.0
    return max(1.0, lost / gaps * (1 - loss))
