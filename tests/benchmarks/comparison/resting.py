"""What phones cost while nothing happens: memory of a registration, CPU of a thousand idle phones.

Transactions live for 32 s after their answer (RFC 3261 table 4), so every server waits for that before it is looked at,
all of them at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from tests.benchmarks.comparison.bench import Bench
from tests.benchmarks.comparison.product import FIRST_PHONE
from tests.benchmarks.comparison.results import Reading
from tests.benchmarks.comparison.server import SipServer
from tests.benchmarks.peers.kamailio import Kamailio

WARM_UP = 200
"""Phones that register before memory is looked at first: a program's first requests load what is loaded late."""
WINDOW = 32


@dataclass(slots=True)
class Guest:
    """A server at rest, and the row that it is kept for."""

    row: str
    server: SipServer
    before: float


def measure(bench: Bench) -> Iterator[Reading]:
    plan = bench.plan
    with ExitStack() as stack:
        # All of them run before memory is looked at first: each new process changes what is shared.
        full = [warm(bench, stack, server) for server in servers(bench, WARM_UP + plan.memory_phones)]
        udp = [idle(bench, stack, "idle-udp", server) for server in servers(bench, plan.idle_phones)]
        on_connections = ("--tcp", plan.idle_phones)
        tcp = [idle(bench, stack, "idle-tcp", server, *on_connections) for server in servers(bench, plan.idle_phones)]
        for guest in full:
            guest.before = guest.server.memory_kib()
            fill(bench, guest.server)
        time.sleep(plan.fade_seconds)
        for guest in full:
            grown = (guest.server.memory_kib() - guest.before) / plan.memory_phones
            yield Reading(guest.row, guest.server.name, grown, {"phones": plan.memory_phones})
        for guest in udp + tcp:
            guest.before = guest.server.cpu_seconds()
        started = time.monotonic()
        time.sleep(plan.idle_seconds)
        for guest in udp + tcp:
            used = guest.server.cpu_seconds() - guest.before
            share = 100 * used / (time.monotonic() - started)
            yield Reading(guest.row, guest.server.name, share, {"phones": plan.idle_phones})


def servers(bench: Bench, phones: int) -> Iterator[SipServer]:
    yield bench.product(phones, sip_only=True)
    if Kamailio.name in bench.peers:
        yield Kamailio()


def warm(bench: Bench, stack: ExitStack, server: SipServer) -> Guest:
    stack.enter_context(server)
    with bench.sip_load("register", server, "--users", WARM_UP, "--count", WARM_UP, "--window", 16) as load:
        load.go()
    return Guest("memory-registration", server, 0.0)


def fill(bench: Bench, server: SipServer) -> None:
    """Registers as many phones as a large site has; each over UDP, from an address of its own."""
    number = bench.plan.memory_phones
    options = ("--first", FIRST_PHONE + WARM_UP, "--users", number, "--count", number, "--window", WINDOW)
    with bench.sip_load("register", server, *options) as load:
        load.go()


def idle(bench: Bench, stack: ExitStack, row: str, server: SipServer, *how: object) -> Guest:
    """Phones that have registered and keep their sockets open until the stack is left."""
    stack.enter_context(server)
    number = bench.plan.idle_phones
    options = ("--users", number, "--count", number, "--window", 16, "--stay", *how)
    load = stack.enter_context(bench.sip_load("register", server, *options))
    load.go()
    return Guest(row, server, 0.0)
