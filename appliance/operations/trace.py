"""The last SIP messages of a phone, a call, an address, of strangers or of all.

They are asked of the daemon, which keeps them in memory and tells them redacted.

For administrators only, and a look is noted: the messages say who called whom. One audit row a day for each person and
each thing looked at, so that a page that asks every second does not bury the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from appliance.control.client import ControlClient
from appliance.database.models import Audit, Call, CallLeg
from appliance.errors import Invalid, NotFound
from appliance.operations import audit
from appliance.operations.context import Context
from appliance.operations.devices import get_device
from appliance.operations.history import NO_SUCH_CALL
from appliance.operations.live import all_rows

ACTION: Final = "trace.read"
MAX_ENTRIES: Final = 500
"""What the daemon gives in one answer."""
CHALLENGES: Final = (401, 407)
"""How every phone signs in (RFC 3261 §22): what is asked for is asked again, and nothing has failed."""
NOTED_FOR: Final = 86_400.0
NO_ADDRESS: Final = "Write one IPv4 or IPv6 address, without a port: 203.0.113.5, 2001:db8::5."
ONE_OF: Final = "Ask for the messages of one address or for those of strangers, not for both."
SECONDS: Final = 15.0
"""Whoever looks at a full memory for the first time waits for it to be sorted, in portions between calls."""


@dataclass(frozen=True, slots=True)
class TraceOf:
    """Whose messages are wanted: of one of these, or of everybody when none is named."""

    device: str = ""
    """A username."""
    call: str = ""
    """The id of a call that lasts or of one in the history."""
    source: str = ""
    """An address."""
    strangers: bool = False
    """Of the addresses from which no phone has shown its password."""

    @property
    def subject(self) -> str:
        """As the audit log names it."""
        named = ((self.device, "phone"), (self.call, "call"), (self.source, "address"))
        found = [f"{kind} {name}" for name, kind in named if name]
        return found[0] if found else "strangers" if self.strangers else "everybody"


EVERYBODY: Final = TraceOf()


def read_trace(context: Context, of: TraceOf, *, after: int = 0, limit: int = MAX_ENTRIES) -> dict[str, Any]:
    """The last `limit` messages after the one with that serial, as `trace.read` of the daemon gives them.

    Raises `NotFound` for a phone or call that is not there, `Invalid` for what is no address, `NotReachable`.
    """
    wanted = look(context, of)
    client = ControlClient(context.appliance.folder.sip_socket, timeout=SECONDS)
    answer: dict[str, Any] = client.call("trace.read", {**wanted, "after": after, "limit": min(limit, MAX_ENTRIES)})
    return answer


def look(context: Context, of: TraceOf) -> dict[str, Any]:
    """Check that these messages can be looked at, and note that somebody does; the daemon's parameters."""
    context.require_admin()
    wanted = parameters(context, of)
    noted(context, of)
    return wanted


def noted(context: Context, of: TraceOf) -> None:
    """Write down who looks at whose messages, unless that was done today."""
    same = (Audit.actor == context.actor.name) & (Audit.action == ACTION) & (Audit.subject == of.subject)
    if not Audit.select().where((Audit.at >= context.now - NOTED_FOR) & same).exists():
        audit.note(context, "trace.read", of.subject)


def parameters(context: Context, of: TraceOf) -> dict[str, Any]:
    """Of the daemon's method."""
    if of.device:
        return {"device": get_device(context, of.device).username}
    if of.call:
        return {"call": of.call, "call_ids": call_ids(context, of.call)}
    if of.source and of.strangers:
        raise Invalid({"strangers": ONE_OF})
    if of.source:
        return {"source": address(of.source)}
    return {"strangers": True} if of.strangers else {}


def call_ids(context: Context, call_id: str) -> list[str]:
    """The Call-IDs under which the legs of a call are known that are on disk; those of a live one the daemon knows."""
    if not Call.select().where(Call.id == call_id).exists() and not is_live(context, call_id):
        raise NotFound(NO_SUCH_CALL.format(id=call_id))
    legs = CallLeg.select(CallLeg.sip_call_id).where((CallLeg.call == call_id) & (CallLeg.sip_call_id != ""))
    return sorted({leg.sip_call_id for leg in legs})


def is_live(context: Context, call_id: str) -> bool:
    return any(call["id"] == call_id for call in all_rows(context, "call.list", "calls"))


def address(text: str) -> str:
    """In the spelling of the daemon. Raises `Invalid`."""
    try:
        return str(ip_address(text.strip().strip("[]")))
    except ValueError as error:
        raise Invalid({"source": NO_ADDRESS}) from error


def kind_of(entry: Mapping[str, Any]) -> str:
    """request, provisional, success, again, failure, malformed or note: how it is shown.

    What only has the request sent again (401, 407, 3xx) is no failure.
    """
    status = entry["status"]
    if entry["kind"] != "response" or status is None:
        return str(entry["kind"])
    if status in CHALLENGES or 300 <= status < 400:
        return "again"
    return "failure" if status >= 400 else "success" if status >= 200 else "provisional"
