"""All that an established call needs to be taken up again by a restarted daemon, as one value.

It is kept with the call's media sessions (`MediaSession.attach`), which outlive the signalling process. It holds no key
material. Its form is JSON with a version; a blob of another version is refused, never guessed at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Self

from sip_daemon.call.leg import Leg
from sip_daemon.call.record import CallRecord, CallStatus, Side
from sip_daemon.dialog import Dialog
from sip_daemon.errors import LocalProtocolError, SipError
from sip_daemon.sdp import AudioDescription, LocalSession

VERSION: Final = 1


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

    @classmethod
    def of(cls, leg: Leg) -> KeptLeg:
        """What is lasting about a leg that talks."""
        if leg.dialog is None or leg.local is None:
            raise LocalProtocolError("the leg is not established")
        # The answer to an offer in our 200 comes with the ACK; until then the phone's side is as we proposed it.
        remote = leg.remote if leg.remote is not None else leg.local
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
            remote=remote.dump(),
        )

    def load_dialog(self, cseq_jump: int = 0) -> Dialog:
        """The dialog; `cseq_jump` passes over requests that were sent after the dump."""
        return Dialog.load(self.dialog, cseq_jump=cseq_jump)

    def load_local_session(self) -> LocalSession:
        return LocalSession.load(self.local_session)

    def load_media(self) -> tuple[AudioDescription, AudioDescription]:
        """Our side and the phone's."""
        return AudioDescription.load(self.local), AudioDescription.load(self.remote)


@dataclass(frozen=True, slots=True)
class CallState:
    """The record as far as it is written, and the two legs."""

    record: CallRecord
    legs: tuple[KeptLeg, ...]

    @classmethod
    def of(cls, record: CallRecord, legs: Sequence[Leg]) -> Self:
        return cls(record, tuple(KeptLeg.of(leg) for leg in legs if leg.dialog is not None))

    def dump(self) -> bytes:
        """For `MediaSession.attach`."""
        legs = [shallow(leg) for leg in self.legs]
        values = {"version": VERSION, "record": {**shallow(self.record), "legs": []}, "legs": legs}
        return json.dumps(values, separators=(",", ":")).encode()

    @classmethod
    def load(cls, blob: bytes) -> Self:
        """What `dump` gave. Raises `LocalProtocolError` for anything else."""
        try:
            values = json.loads(blob)
            if values["version"] != VERSION:
                raise LocalProtocolError(f"call state of version {values['version']}")
            record = {**values["record"], "status": CallStatus(values["record"]["status"]), "legs": ()}
            legs = (KeptLeg(**{**leg, "side": Side(leg["side"])}) for leg in values["legs"])
            state = cls(CallRecord(**record), tuple(legs))
            for leg in state.legs:
                leg.load_dialog(), leg.load_local_session(), leg.load_media()
        except (ValueError, TypeError, KeyError, SipError) as error:
            raise LocalProtocolError("not the state of a call") from error
        return state


def shallow(value: CallRecord | KeptLeg) -> dict[str, Any]:
    """Its fields by name; `dataclasses.asdict` copies what is in them too, at forty times the cost."""
    return {field.name: getattr(value, field.name) for field in fields(value)}
