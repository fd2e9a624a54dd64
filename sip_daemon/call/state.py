"""All that an established call needs to be taken up again by a restarted daemon, as one value.

It is kept with the caller's media session (`MediaSession.attach`), which outlives the signalling process, before the
200 goes out and again before each later change is agreed. It holds no key material. Its form is JSON. A field that is
added with a default, or left out, keeps the version; a blob of another version is refused, never guessed at.

The rule: a blob was written by another process, so nothing in it is believed to have its type until it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Final, Self, TypeVar

import orjson

from sip_daemon.call.leg import Leg
from sip_daemon.call.record import CallRecord, CallStatus, LegRecord, Side
from sip_daemon.dialog import Dialog
from sip_daemon.dialog.session_timer import SessionTimer
from sip_daemon.errors import LocalProtocolError, SipError
from sip_daemon.message import Response, parse_message
from sip_daemon.sdp import AudioDescription, LocalSession

VERSION: Final = 2

Kept = TypeVar("Kept", "KeptLeg", CallRecord, LegRecord)


@dataclass(frozen=True, slots=True)
class KeptLeg:
    """One leg. The dialog, the descriptions and the local session are kept in their own dumped form."""

    side: Side
    device: str
    extension: str
    number: str
    name: str
    instance: str
    """The instance id of the binding (RFC 5626): the leg belongs to it, not to a connection."""
    contact: str
    """The registered contact of the binding; empty for a caller."""
    user_agent: str
    media_worker: int
    media_session: str
    dialog: Mapping[str, Any]
    local_session: Mapping[str, Any]
    local: Mapping[str, Any]
    remote: Mapping[str, Any]
    awaits_answer: bool = False
    """Our 200 made the offer, and the ACK with the answer has not come: `remote` is what we proposed."""
    pending_answer: str = ""
    """The final response to an INVITE or UPDATE that the phone still needs, as it is sent; empty when there is none."""
    allow: str = ""
    """The phone's Allow header: whether it takes UPDATE."""
    session_timer: Mapping[str, Any] = field(default_factory=dict)
    """How often the session is refreshed and by whom (RFC 4028): for `load_session_timer`; empty without a timer."""

    @classmethod
    def of(cls, leg: Leg) -> KeptLeg:
        """What is lasting about a leg that talks."""
        if leg.dialog is None or leg.local is None:
            raise LocalProtocolError("the leg is not established")
        pending = leg.pending_answer
        return cls(
            side=leg.side,
            device=leg.party.device,
            extension=leg.party.extension,
            number=leg.party.number,
            name=leg.party.name,
            instance=leg.instance,
            contact=leg.contact,
            user_agent=leg.user_agent,
            media_worker=leg.media.worker,
            media_session=leg.media.id,
            dialog=leg.dialog.dump(),
            local_session=leg.dump_local_session(),
            local=leg.local.dump(),
            remote=(leg.remote or leg.local).dump(),
            awaits_answer=leg.remote is None,
            session_timer=leg.dump_session_timer(),
            pending_answer=bytes(pending).decode(errors="replace") if pending is not None else "",
            allow=leg.allow,
        )

    def load_dialog(self, cseq_jump: int = 0) -> Dialog:
        """The dialog; `cseq_jump` passes over requests that were sent after the dump."""
        return Dialog.load(self.dialog, cseq_jump=cseq_jump)

    def load_local_session(self) -> LocalSession:
        return LocalSession.load(self.local_session)

    def load_media(self) -> tuple[AudioDescription, AudioDescription | None]:
        """Our side and the phone's; None when the phone has not said its own."""
        local, remote = AudioDescription.load(self.local), AudioDescription.load(self.remote)
        return local, None if self.awaits_answer else remote

    def load_pending_answer(self) -> Response | None:
        if not self.pending_answer:
            return None
        message = parse_message(self.pending_answer.encode())
        if not isinstance(message, Response) or message.status < 200:
            raise LocalProtocolError("not a final response")
        return message


@dataclass(frozen=True, slots=True)
class CallState:
    """The record as far as it is written, with the legs that are over; and the legs that talk, the caller's first."""

    record: CallRecord
    legs: tuple[KeptLeg, ...]
    writer: str = ""
    """The process that wrote it: what a process finds of its own is left of a call that it has ended."""
    written_at: float = 0.0
    """Unix seconds: an answer that was pending long ago is so no more."""
    service: str = ""
    """What the caller is talking to, if that is one of our own services."""

    @classmethod
    def of(
        cls,
        record: CallRecord,
        legs: Sequence[Leg],
        *,
        writer: str = "",
        written_at: float = 0.0,
        service: str = "",
    ) -> Self:
        return cls(record, tuple(KeptLeg.of(leg) for leg in legs), writer, written_at, service)

    def dump(self) -> bytes:
        """For `MediaSession.attach`."""
        record = {**shallow(self.record), "legs": [shallow(leg) for leg in self.record.legs]}
        values = {
            "version": VERSION,
            "record": record,
            "legs": [shallow(leg) for leg in self.legs],
            "writer": self.writer,
            "written_at": self.written_at,
            "service": self.service,
        }
        return orjson.dumps(values)

    @classmethod
    def load(cls, blob: bytes) -> Self:
        """What `dump` gave. Raises `LocalProtocolError` for anything else."""
        try:
            values = orjson.loads(blob)
            if values["version"] != VERSION:
                raise LocalProtocolError(f"call state of version {values['version']}")
            state = cls(
                read(CallRecord, values["record"]),
                tuple(read(KeptLeg, leg) for leg in array(values["legs"])),
                text(values["writer"]),
                exactly(float, int)(values["written_at"]),
                text(values["service"]),
            )
            for leg in state.legs:
                leg.load_dialog(), leg.load_local_session(), leg.load_media(), leg.load_pending_answer()
                SessionTimer.load(leg.session_timer, 0.0)
        except (ValueError, TypeError, KeyError, RecursionError, SipError) as error:
            raise LocalProtocolError(f"not the state of a call: {error}") from error
        state.check()
        return state

    def check(self) -> None:
        """Raises `LocalProtocolError` for what is no call although each part of it may be one's."""
        sides = [Side.CALLER] if self.service else [Side.CALLER, Side.CALLEE]
        if [leg.side for leg in self.legs] != sides:
            raise LocalProtocolError("a call has a caller, and a callee or a service")
        if self.record.status is not CallStatus.TALKING or self.record.answered_at is None:
            raise LocalProtocolError("the call is not established")


def shallow(value: CallRecord | KeptLeg | LegRecord) -> dict[str, Any]:
    """Its fields by name; `dataclasses.asdict` copies what is in them too, at forty times the cost."""
    return {one.name: getattr(value, one.name) for one in fields(value)}


def read(kind: type[Kept], values: Any) -> Kept:
    """A value of its fields, each of the type that stands in the class. What we do not know is passed over."""
    mapping(values)
    known = {}
    for one in fields(kind):
        if one.name in values:
            known[one.name] = READERS[str(one.type)](values[one.name])
        elif one.default is MISSING and one.default_factory is MISSING:
            raise KeyError(one.name)
    return kind(**known)


def exactly(*kinds: type) -> Callable[[Any], Any]:
    """A reader that lets values of these types pass and nothing else; JSON's true is no number."""

    def check(value: Any) -> Any:
        if type(value) not in kinds:
            raise TypeError(f"{type(value).__name__} instead of {kinds[0].__name__}")
        return value

    return check


text, array, mapping = exactly(str), exactly(list), exactly(dict)

READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "str": text,
    "int": exactly(int),
    "bool": exactly(bool),
    "float": exactly(float, int),
    "int | None": exactly(int, type(None)),
    "float | None": exactly(float, int, type(None)),
    "str | None": exactly(str, type(None)),
    "Side": Side,
    "CallStatus": CallStatus,
    "Mapping[str, object]": mapping,
    "Mapping[str, Any]": mapping,
    "tuple[LegRecord, ...]": lambda value: tuple(read(LegRecord, leg) for leg in array(value)),
}
"""By the annotation of a field."""
