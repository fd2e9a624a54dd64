"""Time what the API and the pages answer on a whole system with a long history, alone and beside open event streams.

The system is that of `gosip up` in a folder of its own, with nginx and TLS before the admin app; one client asks on one
standing connection. Met: of 100 answers 95 come within 50 ms where something is read and 100 ms where something is
changed, and within 100 ms while 200 event streams are open. An alarm must reach all of these streams.
"""

from __future__ import annotations

import argparse
import http.client
import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, cycle
from typing import Any, Final

from appliance.database.models import Call, CallLeg, Event, User
from appliance.database.proxy import database
from appliance.operations import devices, users
from appliance.operations.context import Appliance, Context
from appliance.operations.sessions import SESSION_COOKIE, start_session
from appliance.secret import Secret
from appliance.settings import Settings
from tests.benchmarks.comparison.bench import Bench
from tests.benchmarks.comparison.endurance import Check, Endurance, at_most, exactly
from tests.benchmarks.comparison.programs import ProgramError
from tests.benchmarks.comparison.streams import Streams
from tests.support.system import GosipSystem

RECORDS: Final = 10_000
PHONES: Final = 100
STREAMS: Final = 200
PEOPLE: Final = 5
"""Who hold the streams and ask: one person may have 50 streams, and one token ask 50 times a second."""
GET_MS, CHANGE_MS, BUSY_MS = 50.0, 100.0, 100.0
WARM_UP: Final = 4
FIRST: Final = 2000
PASSWORD: Final = "correct horse battery"
STATUSES: Final = ("answered", "answered", "answered", "missed", "busy", "declined", "cancelled", "failed")

Say = Callable[[str], None]
READ: Final = {
    "devices": "/api/devices",
    "a phone": "/api/devices/2001",
    "numbers": "/api/extensions",
    "registrations": "/api/bindings",
    "live calls": "/api/calls",
    "call records": "/api/cdrs",
    "call records, 100 a page": "/api/cdrs?size=100",
    "call records, last page": "/api/cdrs?page={last}",
    "call records of a number": "/api/cdrs?number=2007",
    "call records, missed": "/api/cdrs?status=missed",
    "call records, search": "/api/cdrs?search=rson%2042",
    "call records, search in vain": "/api/cdrs?search=nobody",
    "a call record": "/api/cdrs/bench-50",
    "people": "/api/users",
    "status": "/api/system/status",
    "settings": "/api/system/config",
    "audit": "/api/system/audit",
    "events": "/api/system/events",
    "trace": "/api/system/trace",
    "bans": "/api/bans",
    "oneself": "/api/me",
    "the document": "/api/openapi.json",
    "page: overview": "/",
    "page: phones": "/devices",
    "page: calls": "/calls",
}
BUSY: Final = ("devices", "call records", "status", "page: overview", "page: calls")
"""What is asked for while the streams are open."""


def add_options(made: argparse.ArgumentParser) -> None:
    def add(name: str, default: int, words: str) -> None:
        made.add_argument(name, type=int, default=default, metavar="N", help=f"{words}; {default:,} unless given")

    add("--times", 60, "so often each is asked for")
    add("--records", RECORDS, "call records in the history")
    add("--streams", STREAMS, "open event streams")


def run(bench: Bench, options: argparse.Namespace, say: Say) -> Endurance:
    with GosipSystem() as system, history(system, options.records) as appliance:
        say(f"{options.records:,} call records, {PHONES} phones")
        visitor = Visitor(system, tokens(appliance))
        found = Endurance()
        for check, times in measure(visitor, options):
            found.checks.append(check)
            found.details[check.name] = times
            say(f"  {check.name}: {check.value:.1f} ms")
        say(f"{options.streams} event streams")
        with Streams(system.host, system.https_port, visitor.tokens, options.streams) as streams:
            for name in BUSY:
                times = visitor.read(READ[name], options)
                found.checks.append(at_most(f"beside the streams: {name}, p95", p95(times), BUSY_MS, "ms"))
            announced = time.monotonic()
            Event.create(severity="info", source="bench", kind="bench", message="A test.", detail={})
            arrived = streams.wait_for("alarm", seconds=15)
            found.checks.append(exactly("streams that an alarm reached", arrived, options.streams))
            found.checks.append(Check("until it reached the last of them", 1000 * (time.monotonic() - announced), "ms"))
            found.checks.append(exactly("streams that broke off", streams.ended, 0))
    return found


@contextmanager
def history(system: GosipSystem, records: int) -> Iterator[Appliance]:
    """The database of the running system, with what a site has after a year or so."""
    appliance = Appliance.open(Settings.from_environment(system.data, {}))
    try:
        fill(appliance, records)
        yield appliance
    finally:
        database.close()


def fill(appliance: Appliance, records: int) -> None:
    context = Context.of_command_line(appliance)
    for number in range(FIRST, FIRST + PHONES):
        devices.add_device(context, str(number), name=f"Person {number}", password=Secret(f"password-{number}"))
    for person in range(PEOPLE):
        users.create_user(context, f"person{person}", Secret(PASSWORD), "admin")
    calls = [record(number) for number in range(records)]
    with database.atomic():
        for start in range(0, records, 500):
            part = calls[start : start + 500]
            Call.insert_many(part).execute()
            CallLeg.insert_many(leg(call, side) for call in part for side in ("caller", "callee")).execute()


def record(number: int) -> dict[str, Any]:
    """A call each five minutes, between changing people."""
    started = time.time() - 300 * number
    status = STATUSES[number % len(STATUSES)]
    caller, callee = FIRST + number % PHONES, FIRST + (7 * number + 1) % PHONES
    return {
        "id": f"bench-{number}",
        "started_at": started,
        "ringing_at": started + 0.2,
        "answered_at": started + 5 if status == "answered" else None,
        "ended_at": started + 65,
        "caller_number": str(caller),
        "caller_name": f"Person {number % 100}",
        "caller_device": str(caller),
        "callee_number": str(callee),
        "callee_name": f"Person {callee}",
        "dialled": str(callee),
        "status": status,
        "sip_status": 200,
        "cause": "",
        "ended_by": "caller",
        "detail": {},
    }


def leg(call: dict[str, Any], side: str) -> dict[str, Any]:
    return {
        "call": call["id"],
        "side": side,
        "device": call[f"{side}_number"],
        "extension": call[f"{side}_number"],
        "transport": "UDP",
        "remote": "192.0.2.7:5060",
        "user_agent": "a phone",
        "state": "terminated",
        "codec": "PCMA/8000",
        "detail": {},
    }


def tokens(appliance: Appliance) -> list[str]:
    """A session of each person."""
    rows = User.select().where(User.name.startswith("person"))
    return [start_session(appliance, row, address="127.0.0.1").token.reveal() for row in rows]


class Visitor:
    """One client on one standing connection, who asks as several people in turn."""

    def __init__(self, system: GosipSystem, tokens: list[str]) -> None:
        # The certificate is the system's own; nothing but time is looked at here.
        context = ssl._create_unverified_context()
        self._connection = http.client.HTTPSConnection(system.host, system.https_port, context=context)
        self.tokens = tokens
        self._next = cycle(tokens)

    def read(self, path: str, options: argparse.Namespace) -> list[float]:
        path = path.format(last=max(1, options.records // 20))
        return self.times(options.times, lambda: ("GET", path, None))

    def times(self, number: int, made: Callable[[], tuple[str, str, Any]]) -> list[float]:
        """Milliseconds of each; the first ones are left out, in which things are loaded."""
        return [self.ask(*made()) for _ in range(number + WARM_UP)][WARM_UP:]

    def ask(self, method: str, path: str, body: Any = None) -> float:
        token = next(self._next)
        is_api = path.startswith("/api/")
        headers = {"Authorization": f"Bearer {token}"} if is_api else {"Cookie": f"{SESSION_COOKIE}={token}"}
        data = None if body is None else json.dumps(body)
        started = time.perf_counter()
        self._connection.request(method, path, data, {**headers, "Content-Type": "application/json"})
        answer = self._connection.getresponse()
        text = answer.read()
        took = 1000 * (time.perf_counter() - started)
        if answer.status >= 300:
            raise ProgramError(f"{method} {path} answers {answer.status}: {text[:200]!r}")
        return took


def measure(visitor: Visitor, options: argparse.Namespace) -> Iterator[tuple[Check, list[float]]]:
    for name, path in READ.items():
        times = visitor.read(path, options)
        yield at_most(f"GET {name}, p95", p95(times), GET_MS, "ms"), times
    for name, made in changes().items():
        times = visitor.times(options.times, made)
        yield at_most(f"{name}, p95", p95(times), CHANGE_MS, "ms"), times


def changes() -> dict[str, Callable[[], tuple[str, str, Any]]]:
    """Each of them another time."""
    serial = count(5000)
    return {
        "POST a phone": lambda: ("POST", "/api/devices", {"number": str(next(serial)), "name": "New"}),
        "POST a number": lambda: ("POST", "/api/extensions", {"number": str(next(serial)), "name": "New"}),
        "PATCH a number": lambda: ("PATCH", "/api/extensions/2002", {"name": f"Person {next(serial)}"}),
        "PATCH a phone": lambda: ("PATCH", "/api/devices/2003", {"label": f"desk {next(serial)}"}),
        "POST a new password": lambda: ("POST", "/api/devices/2004/password", None),
        "POST a person": lambda: ("POST", "/api/users", {"name": f"new{next(serial)}", "password": PASSWORD}),
        "POST a sign-in": lambda: ("POST", "/api/auth/sign-in", {"name": "person0", "password": PASSWORD}),
        "PATCH a setting": lambda: ("PATCH", "/api/system/config", {"banAfter": str(next(serial) % 50 + 5)}),
    }


def p95(times: list[float]) -> float:
    """The value that 95 of 100 do not exceed."""
    return sorted(times)[max(0, -(-95 * len(times) // 100) - 1)]
