"""States in words, each with the colour of its dot: good, warning, bad, live, off.

The words alone must tell the state: whoever cannot see colours reads the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext, lazy_gettext

from flask_admin_ui.live import LiveBinding, LiveCall


@dataclass(frozen=True, slots=True)
class Wording:
    """A dot's colour and the words beside it."""

    kind: str
    words: str


def call_outcome(status: str) -> Wording:
    """How a call stands or how it went (column `call.status`)."""
    match status:
        case "ringing":
            return Wording("warning", gettext("ringing"))
        case "talking":
            return Wording("live", gettext("talking"))
        case "answered":
            return Wording("good", gettext("answered"))
        case "missed":
            return Wording("warning", gettext("missed"))
        case "busy":
            return Wording("warning", gettext("busy"))
        case "declined":
            return Wording("warning", gettext("declined"))
        case "cancelled":
            return Wording("off", gettext("given up"))
        case "failed":
            return Wording("bad", gettext("failed"))
        case "stopped":
            return Wording("bad", gettext("system stopped"))
    return Wording("off", status)


OUTCOMES = ("answered", "missed", "busy", "declined", "cancelled", "failed", "stopped")
"""What the history can be filtered by."""


def ended_by(who: str) -> str:
    match who:
        case "caller":
            return str(gettext("by the caller"))
        case "callee":
            return str(gettext("by the called person"))
        case "admin":
            return str(gettext("by an administrator"))
        case "system":
            return str(gettext("by the system"))
    return who


def live_call(call: LiveCall) -> Wording:
    if call.is_talking:
        return Wording("live", gettext("talking"))
    match call.state:
        case "ringing" | "early":
            return Wording("warning", gettext("ringing"))
        case "held" | "hold":
            return Wording("warning", gettext("on hold"))
    return Wording("warning", gettext("calling"))


def device_state(enabled: bool, reachable_daemon: bool, bindings: tuple[LiveBinding, ...]) -> Wording:
    if not enabled:
        return Wording("off", gettext("disabled"))
    if not reachable_daemon:
        return Wording("off", gettext("unknown"))
    if any(binding.reachable for binding in bindings):
        return Wording("good", gettext("online"))
    if bindings:
        return Wording("warning", gettext("unreachable"))
    return Wording("off", gettext("offline"))


def binding_trouble(trouble: str) -> str:
    """Why a phone that is registered cannot be called, and what to do. A reason not known here is shown as it is."""
    match trouble:
        case "its connection was closed":
            return str(gettext("Its connection was closed. It connects again by itself; if not, look at its network."))
        case "its connection ended when GoSIP restarted":
            return str(gettext("GoSIP was restarted. The phone connects again by itself within a few minutes."))
        case "it does not answer":
            return str(
                gettext("It does not answer. Is it switched on and in the network? It is asked again every minute.")
            )
    return trouble


def ban_state(state: str) -> Wording:
    match state:
        case "banned":
            return Wording("bad", gettext("banned"))
        case "muted":
            return Wording("warning", gettext("muted"))
        case "slowed":
            return Wording("warning", gettext("slowed down"))
    return Wording("off", state)


def ban_reason(reason: str) -> str:
    """Why an address is kept out, or how it is held up."""
    match reason:
        case "wrong-credentials":
            return str(gettext("Wrong passwords or unknown users"))
        case "scanning":
            return str(gettext("Requests without an account"))
        case "malformed":
            return str(gettext("Messages that are not SIP"))
        case "manual":
            return str(gettext("By hand"))
    return reason


def process_state(state: str) -> Wording:
    """supervisor's states."""
    match state:
        case "RUNNING":
            return Wording("good", gettext("running"))
        case "STARTING":
            return Wording("warning", gettext("starting"))
        case "STOPPING":
            return Wording("warning", gettext("stopping"))
        case "BACKOFF":
            return Wording("bad", gettext("crashed, starting again"))
        case "FATAL":
            return Wording("bad", gettext("does not start"))
        case "EXITED" | "STOPPED":
            return Wording("bad", gettext("stopped"))
    return Wording("bad", state.lower())


def program(name: str) -> tuple[str, str, str]:
    """Title, purpose, and what a restart costs, of a program by supervisor's name for it (`media:media-0`)."""
    base = name.rpartition(":")[2]
    match base.partition("-")[0]:
        case "sip":
            return (
                "sip",
                gettext("registers phones and connects calls"),
                gettext("Live calls end. Phones can call again after a few seconds, without registering anew."),
            )
        case "media":
            return base, gettext("carries the voices"), gettext("The calls that it carries end.")
        case "admin":
            return "admin", gettext("these pages"), gettext("These pages pause for a few seconds.")
        case "events":
            return (
                "events",
                gettext("tells these pages at once what happens"),
                gettext("These pages ask by themselves for a moment."),
            )
        case "web":
            return (
                "web",
                gettext("the encrypted way to these pages"),
                gettext("These pages pause for a moment."),
            )
    return base, "", ""


def audit_action(action: str) -> str:
    """What somebody did (column `audit.action`)."""
    words = ACTIONS.get(action)
    return action if words is None else str(words)


ACTIONS = {
    "ban.add": lazy_gettext("banned an address"),
    "ban.remove": lazy_gettext("ended a ban"),
    "call.hangup": lazy_gettext("ended a call"),
    "certificate.install": lazy_gettext("installed a certificate of certbot"),
    "certificate.upload": lazy_gettext("installed a certificate"),
    "cloudflare.check": lazy_gettext("tried the Cloudflare token"),
    "cloudflare.token": lazy_gettext("changed the Cloudflare token"),
    "config.set": lazy_gettext("changed a setting"),
    "device.add": lazy_gettext("added a phone"),
    "device.edit": lazy_gettext("changed a phone"),
    "device.import": lazy_gettext("imported phones"),
    "device.password": lazy_gettext("made a new phone password"),
    "device.remove": lazy_gettext("deleted a phone"),
    "extension.add": lazy_gettext("added a number"),
    "extension.edit": lazy_gettext("changed a number"),
    "extension.remove": lazy_gettext("deleted a number"),
    "key.new": lazy_gettext("made a new key"),
    "program.restart": lazy_gettext("restarted a program"),
    "session.end": lazy_gettext("signed a browser out"),
    "session.start": lazy_gettext("signed in"),
    "setup-code.new": lazy_gettext("made a one-time code"),
    "setup-code.use": lazy_gettext("used a one-time code"),
    "support.bundle": lazy_gettext("made a support bundle"),
    "token.add": lazy_gettext("made a personal token"),
    "token.remove": lazy_gettext("revoked a personal token"),
    "trace.read": lazy_gettext("looked at SIP messages"),
    "user.add": lazy_gettext("added a user"),
    "user.edit": lazy_gettext("changed a user"),
    "user.password": lazy_gettext("set a password"),
    "user.remove": lazy_gettext("deleted a user"),
    "user.second-factor.off": lazy_gettext("switched a second factor off"),
    "user.second-factor.on": lazy_gettext("switched a second factor on"),
}
"""A test finds each action of `appliance.operations` here."""
