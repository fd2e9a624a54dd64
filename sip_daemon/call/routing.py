"""Who is meant by what was dialled: a pure function of directory and attempt.

The plan is a tuple of steps that the call tries in order until one is answered. The same function explains to a
person what would happen; it knows nothing of registrations, phones or media.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from sip_daemon.directory import Device, Directory, Extension


class ServiceKind(StrEnum):
    """What we answer ourselves."""

    ECHO = "echo"
    """Sends back what it hears."""
    TONE = "tone"
    """The milliwatt tone, for measuring one direction."""


SERVICE_NUMBERS: dict[str, ServiceKind] = {"*43": ServiceKind.ECHO, "*44": ServiceKind.TONE}
"""Numbers with which one phone alone can be tried. The operator's page on test numbers lists them."""

SERVICE_NAMES = {ServiceKind.ECHO: "Echo test", ServiceKind.TONE: "Test tone"}


@dataclass(frozen=True, slots=True)
class CallAttempt:
    """One wish to call: an authenticated device and what it dialled, percent-decoded."""

    caller: Device
    dialled: str


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring all phones of these devices at once."""

    usernames: tuple[str, ...]
    seconds: int


@dataclass(frozen=True, slots=True)
class Service:
    """Answer it ourselves."""

    kind: ServiceKind


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse with this status; the text is for the caller and for the person who asks why."""

    status: int
    text: str


Step = Ring | Service | Reject


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """What is to be tried, and who was meant."""

    steps: tuple[Step, ...]
    callee_number: str = ""
    callee_name: str = ""


def plan(directory: Directory, attempt: CallAttempt) -> RoutePlan:
    """What happens when this device dials that."""
    if not attempt.dialled:
        return RoutePlan((Reject(484, "Nothing was dialled"),))
    if directory.extension(attempt.caller.extension) is None:
        return RoutePlan((Reject(403, "The calling extension is switched off"),))
    service = SERVICE_NUMBERS.get(attempt.dialled)
    if service is not None:
        return RoutePlan((Service(service),), attempt.dialled, SERVICE_NAMES[service])
    return _plan_extension(directory, attempt)


def _plan_extension(directory: Directory, attempt: CallAttempt) -> RoutePlan:
    extension = _find(directory, attempt.dialled)
    if extension is None:
        return RoutePlan((Reject(404, "No such number or name here"),))
    return RoutePlan((_step(extension, attempt.caller),), extension.number, extension.name)


def _find(directory: Directory, dialled: str) -> Extension | None:
    """As `Directory.extension`, but a disabled one is found too: 480 is the truth about it, not 404."""
    found = directory.extensions.get(dialled)
    if found is None:
        found = directory.extensions.get(directory.names.get(dialled.casefold(), ""))
    return found


def _step(extension: Extension, caller: Device) -> Step:
    if not extension.enabled:
        return Reject(480, "That extension is switched off")
    # Somebody who dials the own number wants the other phones of the desk, not the one in the hand.
    usernames = tuple(name for name in extension.devices if name != caller.username)
    if usernames:
        return Ring(usernames, extension.ring_seconds)
    if extension.devices:
        return Reject(486, "That is the calling phone itself")
    return Reject(480, "That extension has no phone")


def explain(route: RoutePlan) -> list[str]:
    """The plan in words, a line for each step."""
    return [_explain_step(step, route) for step in route.steps]


def _explain_step(step: Step, route: RoutePlan) -> str:
    match step:
        case Ring():
            who = f"{route.callee_number} {route.callee_name}".strip()
            return f"Ring {who} on {', '.join(step.usernames)} for {step.seconds} seconds"
        case Service():
            return f"Answer with: {SERVICE_NAMES[step.kind]}"
        case Reject():
            return f"Refuse with {step.status}: {step.text}"
        case _:
            assert_never(step)
