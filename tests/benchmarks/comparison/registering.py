"""REGISTER, challenge, REGISTER again, 200: CPU time at equal load, and the highest rate."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.comparison.bench import Bench
from tests.benchmarks.comparison.results import Reading
from tests.benchmarks.comparison.server import SipServer
from tests.benchmarks.peers.kamailio import Kamailio

CONNECTIONS = 16


def measure_udp(bench: Bench) -> Iterator[Reading]:
    return measure(bench, "udp", ())


def measure_tcp(bench: Bench) -> Iterator[Reading]:
    return measure(bench, "tcp", ("--tcp", CONNECTIONS))


def measure(bench: Bench, transport: str, how: tuple[object, ...]) -> Iterator[Reading]:
    for server in servers(bench):
        with server:
            yield from readings(bench, server, transport, ("--users", bench.plan.phones, *how))


def servers(bench: Bench) -> Iterator[SipServer]:
    yield bench.product(bench.plan.phones, sip_only=True)
    if Kamailio.name in bench.peers:
        yield Kamailio()


def readings(bench: Bench, server: SipServer, transport: str, how: tuple[object, ...]) -> Iterator[Reading]:
    plan = bench.plan
    # First each phone once: what is measured is the refresh of a binding, of which a day has hundreds for each phone.
    with bench.sip_load("register", server, *how, "--count", plan.phones, "--window", 16) as load:
        load.go()
    at_rate = ("--rate", plan.register_rate, "--seconds", plan.register_seconds)
    with bench.sip_load("register", server, *how, *at_rate) as load:
        used = server.cpu_seconds()
        result = load.go()
        used = server.cpu_seconds() - used
    details = {"registrations": result.completed, "rate": result.rate, "answer_us": result.whole_us}
    yield Reading(f"register-{transport}", server.name, 1e6 * used / result.completed, details)
    at_most = ("--window", plan.window, "--seconds", plan.sustained_seconds)
    with bench.sip_load("register", server, *how, *at_most) as load:
        used = server.cpu_seconds()
        result = load.go()
        used = server.cpu_seconds() - used
    yield Reading(f"register-{transport}-full", server.name, 1e6 * used / result.completed)
    details = {
        "generator_cpu_share": result.cpu_seconds / result.seconds,
        "generator_was_the_limit": result.generator_was_the_limit,
    }
    yield Reading(f"register-{transport}-rate", server.name, result.rate, details)
