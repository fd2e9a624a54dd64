"""The sessions of a worker, and who owns them.

A session belongs to the control connection that opened or adopted it. When that is gone it goes on relaying, and ends
by itself after a grace period in which the next `sip` process may adopt it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sip_daemon.errors import MediaError
from sip_daemon.media.session.events import LegEvent
from sip_daemon.media.session.hop import Hop
from sip_daemon.media.session.leg import Leg, LegServices
from sip_daemon.media.session.loop import Timer
from sip_daemon.media.session.ports import PortPool, open_pair

logger = logging.getLogger(__name__)

CHECK_SECONDS = 1.0
SLOTS = 20
"""Sessions are looked at in so many portions a second: all at once would hold up the packets of a full worker."""
MAX_STATE_BYTES = 256 * 1024

EventListener = Callable[[str, LegEvent], None]
"""Takes a session's id and what happened."""


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """One session to be opened."""

    id: str
    """Chosen by whoever asks, so that he can take back a request whose answer he did not wait for."""
    bind_host: str
    advertised_host: str
    """What the peer is told."""


@dataclass(slots=True, eq=False)
class Session:
    """One leg and what is known about it."""

    call_id: str
    leg: Leg
    request: SessionRequest
    owner: EventListener | None
    slot: int = 0
    """When within each second it is looked at."""
    state: bytes = b""
    """Whatever its owner has left here for the one who adopts it."""
    hop_token: int | None = None
    grace_timer: Timer | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        return self.request.id


class SessionTable:
    """Opens, finds and ends sessions."""

    def __init__(self, services: LegServices, ports: PortPool, hop: Hop, grace_seconds: float) -> None:
        self._services, self._ports, self._hop, self._grace = services, ports, hop, grace_seconds
        self._sessions: dict[str, Session] = {}
        self._slots: list[set[Session]] = [set() for _ in range(SLOTS)]
        self._opened = 0
        self._due = services.loop.now()
        self._check()

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def ports_free(self) -> int:
        """How many more sessions could be opened now."""
        return self._ports.free

    def all(self) -> list[Session]:
        return list(self._sessions.values())

    def find(self, identifier: str) -> Session:
        """Raises `MediaError` when there is none of that id."""
        session = self._sessions.get(identifier)
        if session is None:
            raise MediaError("there is no such media session")
        return session

    def get(self, identifier: object) -> Session | None:
        """None when there is none of that id."""
        return self._sessions.get(identifier) if isinstance(identifier, str) else None

    def open(self, requests: Sequence[SessionRequest], call_id: str, owner: EventListener) -> list[Session]:
        """All of them, or none. Raises `MediaUnavailable`, or `MediaError` for an address that is not ours."""
        opened: list[Session] = []
        try:
            for request in requests:
                opened.append(self._open(request, call_id, owner))
        except MediaError:
            for session in reversed(opened):
                self._release(session)
                self._ports.give_back_unused(session.leg.sockets.port)
            raise
        return opened

    def close(self, session: Session) -> None:
        if session.id in self._sessions:
            self._release(session)
            self._ports.give_back(session.leg.sockets.port)

    def bridge(self, session: Session, other: Session | None) -> None:
        self._leave_hop(session)
        if other is not None:
            self._leave_hop(other)
        session.leg.bridge(other.leg if other is not None else None)

    def expect_hop(self, session: Session) -> tuple[int, int]:
        """Port and token by which a leg in another worker reaches this one."""
        self._leave_hop(session)
        session.hop_token = self._hop.expect(session.leg.sender)
        return self._hop.port, session.hop_token

    def bridge_away(self, session: Session, port: int, token: int) -> None:
        """The other half: where this leg's audio goes."""
        session.leg.bridge_away(self._hop.departure(port, token))

    def disown(self, owner: EventListener) -> None:
        """The connection is gone: its sessions wait for another one."""
        orphans = [session for session in self._sessions.values() if session.owner is owner]
        for session in orphans:
            session.owner = None
            session.grace_timer = self._services.loop.call_later(self._grace, lambda s=session: self._expire(s))  # type: ignore[misc]
        if orphans:
            logger.warning("the signalling process is away: %d sessions go on for %g s", len(orphans), self._grace)

    def adopt(self, session: Session, owner: EventListener) -> None:
        session.owner = owner
        if session.grace_timer is not None:
            session.grace_timer.cancel()
            session.grace_timer = None
            session.leg.forget_silence()  # nobody heard of it

    def attach(self, session: Session, state: bytes) -> None:
        """Raises `MediaError` for more than a call can need."""
        if len(state) > MAX_STATE_BYTES:
            raise MediaError("the state to be kept with a session is too large")
        session.state = state

    def close_all(self) -> None:
        for session in self.all():
            self.close(session)

    def _open(self, request: SessionRequest, call_id: str, owner: EventListener) -> Session:
        if request.id in self._sessions:
            raise MediaError("there is a media session of that id already")
        sockets = open_pair(self._ports, request.bind_host)
        leg = Leg(self._services, sockets, lambda event: self._report(request.id, event))
        session = self._sessions[request.id] = Session(call_id, leg, request, owner, self._opened % SLOTS)
        self._slots[session.slot].add(session)
        self._opened += 1
        return session

    def _release(self, session: Session) -> None:
        del self._sessions[session.id]
        self._slots[session.slot].discard(session)
        if session.grace_timer is not None:
            session.grace_timer.cancel()
        if session.hop_token is not None:
            self._hop.forget(session.hop_token)
        session.leg.close()

    def _report(self, identifier: str, event: LegEvent) -> None:
        session = self._sessions.get(identifier)
        if session is not None and session.owner is not None:
            session.owner(identifier, event)

    def _leave_hop(self, session: Session) -> None:
        if session.hop_token is not None:
            self._hop.forget(session.hop_token)
            session.hop_token = None

    def _expire(self, session: Session) -> None:
        logger.warning("session %s of call %s ends: nobody has adopted it", session.id, session.call_id)
        self.close(session)

    def _check(self, slot: int = 0) -> None:
        """One portion; the next follows. After a stall they do not come all at once."""
        for session in tuple(self._slots[slot]):
            session.leg.check()
        pause = CHECK_SECONDS / SLOTS if self._sessions else CHECK_SECONDS
        self._due = max(self._due + pause, self._services.loop.now())
        self._services.loop.call_at(self._due, lambda: self._check((slot + 1) % SLOTS))
