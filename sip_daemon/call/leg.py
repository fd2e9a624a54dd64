"""One side of a call: its dialog, what was offered and answered on it, its media session, and what remains of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sip_daemon.call.dialog_leg import LegContext, Party
from sip_daemon.call.events import CallEvent
from sip_daemon.call.offer_leg import OfferLeg
from sip_daemon.call.record import LegRecord, Side
from sip_daemon.errors import MediaError
from sip_daemon.flow import Flow
from sip_daemon.media_plane import MediaSession, MediaStatistics
from sip_daemon.sdp import AudioDescription, offer_answer


class Leg(OfferLeg):
    """The part that both sides have in common. `post` hands an event to the call."""

    __slots__ = (
        "_post",
        "hearing_changes",
        "outcome",
        "session",
        "sip_call_id",
        "user_agent",
    )

    side: Side

    def __init__(self, context: LegContext, party: Party, flow: Flow, post: Callable[[Leg, CallEvent], None]) -> None:
        super().__init__(context, party, flow)
        self.outcome = ""
        """What became of it, for the record."""
        self.user_agent = ""
        self.sip_call_id = ""
        self.session: MediaSession | None = None
        self.hearing_changes: list[Mapping[str, object]] = []
        """When its audio went one way only, and why: see `call.hearing`."""
        self._post = post

    def __str__(self) -> str:
        return f"{self.side} {self.party.device}"

    def tell(self, event: CallEvent) -> None:
        self._post(self, event)

    def detach(self) -> None:
        """The call is over: nobody listens any more. The leg ends its own dialog by itself."""
        self._post = nobody_listens

    def use(self, session: MediaSession) -> None:
        """Take a media session into use; what it reports becomes the call's events."""
        self.session = session
        session.listener = self.tell

    @property
    def media(self) -> MediaSession:
        """The session of a leg that has one. Raises `MediaError` when it is closed or was never opened."""
        if self.session is None:
            raise MediaError("the leg has no media session")
        return self.session

    def offer_for(self, other: AudioDescription) -> AudioDescription:
        """What we offer on this leg for the stream of the other phone; numbers keep their meaning (RFC 3264 §8.3.2)."""
        return offer_answer.offer_for(other, self.media.address, self._sdp.used_codecs)

    # For people and for the record

    def record(self, statistics: MediaStatistics) -> LegRecord:
        """What remains of it."""
        return LegRecord(
            side=self.side,
            device=self.party.device,
            extension=self.party.extension,
            transport=self.flow.transport.value,
            remote=str(self.flow.remote),
            user_agent=self.user_agent,
            sip_call_id=self.sip_call_id,
            state=self.outcome or self.state.value,
            codec=statistics.codec or self.codec,
            media_profile=self.remote.profile if self.remote is not None else "",
            signalling_secure=self.flow.transport.is_secure,
            packets_received=statistics.packets_received,
            packets_sent=statistics.packets_sent,
            packets_lost=statistics.packets_lost,
            jitter_ms=statistics.jitter_ms,
            detail={**statistics_detail(statistics), "hearing": list(self.hearing_changes)},
        )

    @property
    def codec(self) -> str:
        """What we told the phone to speak; empty before anything was agreed."""
        speech = self.local.speech_codecs if self.local is not None and self.remote is not None else ()
        return str(speech[0]) if speech else ""


def nobody_listens(leg: Leg, event: CallEvent) -> None:
    """Where the events of a leg go after its call."""


def statistics_detail(statistics: MediaStatistics) -> Mapping[str, object]:
    """The counters that have no column of their own."""
    return {
        "bytes_received": statistics.bytes_received,
        "bytes_sent": statistics.bytes_sent,
        "dropped_source": statistics.dropped_source,
        "dropped_malformed": statistics.dropped_malformed,
        "rtt_ms": statistics.rtt_ms,
        "media_remote": str(statistics.remote) if statistics.remote is not None else None,
        "remote_packets_lost": statistics.remote_packets_lost,
        "remote_jitter_ms": statistics.remote_jitter_ms,
        "packets_late": statistics.packets_late,
        "packets_duplicated": statistics.packets_duplicated,
        "packets_discarded": statistics.packets_discarded,
        "mos": rounded(statistics.mos),
        "remote_mos": rounded(statistics.remote_mos),
        "phone_mos": statistics.phone_mos,
        "speaks": statistics.speaks,
        "hears": statistics.hears,
        "suspicion": statistics.suspicion,
        "announced": str(statistics.announced) if statistics.announced is not None else None,
        "quality": compact(statistics.series),
    }


def rounded(value: float | None) -> float | None:
    """To what a score means."""
    return round(value, 2) if value is not None else None


def compact(series: Mapping[str, Any] | None) -> Mapping[str, object] | None:
    """The series as it is kept: none without a sample, and numbers no longer than they mean something."""
    if series is None or not series.get("speaks"):
        return None
    return {name: shortened(column) if isinstance(column, list) else column for name, column in series.items()}


def shortened(column: list[Any]) -> list[Any]:
    return [round(value, 2) if isinstance(value, float) else value for value in column]
