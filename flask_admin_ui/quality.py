"""What pages say of a call's sound: words first, figures beside them.

"Good", "fair" and "poor" are satisfied, partly satisfied and dissatisfied listeners of ITU-T G.109. An alarm (one-way
audio, a dead microphone) goes before any figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext, lazy_gettext

from appliance.operations.call_quality import (
    Direction,
    QualityRow,
    grade,
    hearing_changes,
    number,
    quality_rows,
    share,
)
from flask_admin_ui.live import LiveCall
from flask_admin_ui.wording import Wording

ALARMS = ("nothing", "soundless")


@dataclass(frozen=True, slots=True)
class Way:
    """One direction of a leg in words."""

    wording: Wording
    figures: Direction
    note: str = ""
    """What there is to say besides: muted, on hold, no reports."""


@dataclass(frozen=True, slots=True)
class Change:
    """An alarm that began or ended."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class LegSound:
    """All that a page shows of one phone's sound."""

    sends: Way
    hears: Way
    rtt_ms: float | None
    late: int
    discarded: int
    alarm: str
    """A sentence, or empty."""
    changes: tuple[Change, ...]
    rows: tuple[QualityRow, ...]


def graded(mos: float | None) -> Wording:
    """A score in words."""
    match grade(mos):
        case "good":
            return Wording("good", gettext("good"))
        case "fair":
            return Wording("warning", gettext("fair"))
        case "poor":
            return Wording("bad", gettext("poor"))
    return Wording("off", gettext("not known"))


def call_sound(call: LiveCall) -> Wording | None:
    """A live call in one expression: an alarm, or the worst of its four ways. None before anything is known."""
    if not call.is_talking:
        return None
    for leg in call.legs:
        text = alarm_text(leg.extension or leg.device, leg.media)
        if text:
            return Wording("bad", text)
    scores = [number(leg.media.get(name)) for leg in call.legs for name in ("mos_now", "remote_mos_now")]
    known = [score for score in scores if score is not None]
    if not known:
        return None
    worst = graded(min(known))
    return Wording(worst.kind, f"{worst.words} ({min(known):.1f})")


def alarm_text(name: str, media: Mapping[str, Any]) -> str:
    """One sentence about who is not heard; empty when all is well."""
    speaks, hears = str(media.get("speaks", "")), str(media.get("hears", ""))
    if speaks == "nothing" and hears == "nothing":
        return str(gettext("Nobody hears %(name)s, and %(name)s hears nothing", name=name))
    if speaks == "nothing":
        return str(gettext("Nobody hears %(name)s", name=name))
    if speaks == "soundless":
        return str(gettext("No sound comes from %(name)s", name=name))
    if hears == "nothing":
        return str(gettext("%(name)s hears nothing", name=name))
    return ""


def suspicion_text(suspicion: str) -> str:
    """Why, as far as the counters tell."""
    words = SUSPICIONS.get(suspicion)
    return str(words) if words is not None else ""


SUSPICIONS = {
    "not-a-packet": lazy_gettext(
        "Not a packet comes through. Look for a firewall in between, or a wrong address in the phone."
    ),
    "other-address": lazy_gettext("Packets come from another address than the phone announced."),
    "other-format": lazy_gettext("Packets come in a format that was not agreed."),
    "nat": lazy_gettext("The phone announces a private address and sits behind NAT, so nothing reaches it."),
    "reports-only": lazy_gettext("Its reports come through, its voice does not. Look for a firewall in between."),
    "microphone": lazy_gettext("It sends packets without any sound: its microphone is dead or muted."),
}


def full_alarm(name: str, media: Mapping[str, Any]) -> str:
    """With its likely cause."""
    text = alarm_text(name, media)
    why = suspicion_text(str(media.get("suspicion", "")))
    return f"{text}. {why}".strip() if text else ""


def leg_sound(
    name: str,
    detail: Mapping[str, Any],
    *,
    sent: Direction,
    series: object,
    ended_after: float,
    answered_after: float,
) -> LegSound:
    """Of a leg; `detail` is that of its record, or the figures of a live one."""
    speaks, hears = str(detail.get("speaks", "unknown")), str(detail.get("hears", "unknown"))
    heard = Direction(
        number(detail.get("remote_mos")),
        number(detail.get("remote_loss_percent_now")) or remote_loss(detail),
        number(detail.get("remote_jitter_ms")),
    )
    return LegSound(
        sends=Way(graded(sent.mos), sent, speaking_note(speaks)),
        hears=Way(graded(heard.mos), heard, hearing_note(hears, heard)),
        rtt_ms=number(detail.get("rtt_ms")),
        late=int(number(detail.get("packets_late")) or 0),
        discarded=int(number(detail.get("packets_discarded")) or 0),
        alarm=full_alarm(name, detail),
        changes=tuple(
            Change(
                change.at,
                full_alarm(name, {"speaks": change.speaks, "hears": change.hears, "suspicion": change.suspicion})
                or gettext("%(name)s is heard and hears again", name=name),
            )
            for change in hearing_changes(detail.get("hearing"), answered_after)
        ),
        rows=quality_rows(series, ended_after),
    )


def remote_loss(detail: Mapping[str, Any]) -> float | None:
    """Of all that was sent, by the phone's own count."""
    lost, sent = number(detail.get("remote_packets_lost")), number(detail.get("packets_sent"))
    return share(lost, sent) if lost is not None and sent else None


def speaking_note(speaks: str) -> str:
    match speaks:
        case "held":
            return str(gettext("on hold"))
        case "muted":
            return str(gettext("silent at the moment: muted, perhaps"))
        case "paused":
            return str(gettext("sends nothing at the moment: muted, or it suppresses silence"))
    return ""


def hearing_note(hears: str, heard: Direction) -> str:
    if hears == "held":
        return str(gettext("on hold"))
    if heard.mos is None and heard.jitter_ms is None:
        return str(gettext("the phone sends no reports"))
    return ""
