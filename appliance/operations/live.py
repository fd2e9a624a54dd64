"""What happens right now: calls and registrations, asked of the daemon; and ending a call.

A person with the role `user` sees, and ends, only calls in which one of its extensions takes part.
"""

from __future__ import annotations

from typing import Any

from appliance.control.client import ControlClient
from appliance.control.errors import NOT_FOUND, CallRefused
from appliance.errors import NotFound
from appliance.operations.audit import note
from appliance.operations.context import Context
from appliance.operations.extensions import own_numbers

NO_SUCH_CALL = "There is no live call {id}. It may have ended already."
ROWS_AT_ONCE = 1000


def live_calls(context: Context) -> list[dict[str, Any]]:
    """As `call.list` of the daemon gives them. Raises `NotReachable`."""
    calls = all_rows(context, "call.list", "calls")
    if context.is_admin:
        return calls
    numbers = set(own_numbers(context))
    return [call for call in calls if numbers & {call["caller"]["number"], call["callee"]["number"]}]


def live_bindings(context: Context, usernames: list[str] | None = None) -> list[dict[str, Any]]:
    """All registered contacts, as `binding.list` gives them. Raises `NotReachable`."""
    wanted = {"usernames": usernames} if usernames is not None else {}
    found = all_rows(context, "binding.list", "bindings", **wanted)
    if context.is_admin:
        return found
    numbers = own_numbers(context)
    return [binding for binding in found if binding["extension"] in numbers]


def all_rows(context: Context, method: str, name: str, **params: Any) -> list[dict[str, Any]]:
    """A list of the daemon, in portions."""
    found: list[dict[str, Any]] = []
    with daemon(context).connect() as session:
        while True:
            answer = session.call(method, {**params, "offset": len(found), "limit": ROWS_AT_ONCE})
            found += answer[name]
            if not answer[name] or len(found) >= answer["total"]:
                return found


def call_quality(context: Context, call_id: str) -> list[dict[str, Any]]:
    """How a live call is heard, leg by leg, as `call.quality` gives it. Raises `NotFound` or `NotReachable`."""
    try:
        legs: list[dict[str, Any]] = daemon(context).call("call.quality", {"id": call_id})["legs"]
    except CallRefused as error:
        if error.code == NOT_FOUND:
            raise NotFound(NO_SUCH_CALL.format(id=call_id)) from error
        raise
    return legs


def hang_up(context: Context, call_id: str) -> None:
    """End a live call. Raises `NotFound`, also for one of other people, or `NotReachable`."""
    if not context.is_admin and call_id not in {call["id"] for call in live_calls(context)}:
        raise NotFound(NO_SUCH_CALL.format(id=call_id))
    try:
        daemon(context).call("call.hangup", {"id": call_id})
    except CallRefused as error:
        if error.code == NOT_FOUND:
            raise NotFound(NO_SUCH_CALL.format(id=call_id)) from error
        raise
    note(context, "call.hangup", call_id)


def daemon(context: Context) -> ControlClient:
    return ControlClient(context.appliance.folder.sip_socket)
