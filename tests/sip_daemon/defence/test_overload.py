"""Too much at once: strangers are put off first, new calls second, calls and registrations that exist never."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sip_daemon.defence import Neighbours, News
from sip_daemon.defence.overload import RETRY_SECONDS, RETRY_SPREAD, Overload
from sip_daemon.flow import Flow
from sip_daemon.message import Request
from sip_daemon.registrar import Binding
from tests.support.bindings import binding, tcp, udp
from tests.support.messages import invite, register

STRANGER, PHONE = udp("203.0.113.5"), udp("192.0.2.10")
CALL, REGISTRATION = invite("1002", "1001"), register("1001")


class Machine:
    """An overload detector in virtual time, with one registered phone."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.phones: list[Binding] = [binding(flow=PHONE)]
        self.news: list[News] = []
        self.next_turn: list[Callable[[], None]] = []
        self.overload = Overload(
            Neighbours(lambda: self.phones),
            clock=lambda: self.now,
            soon=self.next_turn.append,
            report=self.news.append,
        )

    def is_behind(self, seconds: float) -> None:
        """More datagrams wait after each wake, for so long."""
        end = self.now + seconds
        while self.now < end:
            self.overload.datagrams_wait(True)
            self.now += 0.02
        self.overload.datagrams_wait(True)

    def turn(self, seconds: float) -> None:
        """A turn of the loop that takes so long ends."""
        self.now += seconds
        turns, self.next_turn[:] = list(self.next_turn), []
        for turned in turns:
            turned()

    def looks_at(self, request: Request, flow: Flow) -> bool:
        return self.overload.puts_off(request, flow) is None


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_everybody_is_looked_at_while_nothing_waits(machine: Machine) -> None:
    assert machine.looks_at(CALL, STRANGER)
    assert machine.looks_at(REGISTRATION, STRANGER)
    assert machine.overload.state == {"puts_off": "none", "refused": 0}


def test_a_burst_that_drains_is_no_overload(machine: Machine) -> None:
    for _ in range(20):
        machine.is_behind(0.4)
        machine.overload.datagrams_wait(False)
        assert machine.looks_at(REGISTRATION, STRANGER)
        machine.now += 0.1


def test_strangers_are_put_off_when_work_has_waited_for_half_a_second(machine: Machine) -> None:
    machine.is_behind(0.4)
    assert machine.looks_at(REGISTRATION, STRANGER)
    machine.is_behind(0.2)
    assert not machine.looks_at(REGISTRATION, STRANGER)
    assert not machine.looks_at(CALL, STRANGER)
    assert machine.overload.state == {"puts_off": "strangers", "refused": 2}


def test_phones_go_on_registering_and_calling_meanwhile(machine: Machine) -> None:
    machine.is_behind(0.6)
    assert machine.looks_at(REGISTRATION, PHONE)
    assert machine.looks_at(CALL, PHONE)
    assert machine.looks_at(REGISTRATION, udp("192.0.2.10", 40_001)), "it may have been switched off and on"


def test_new_calls_are_put_off_when_that_has_not_helped(machine: Machine) -> None:
    machine.is_behind(2.1)
    assert not machine.looks_at(CALL, PHONE)
    assert machine.looks_at(REGISTRATION, PHONE)
    assert not machine.looks_at(REGISTRATION, udp("192.0.2.10", 40_001)), "anybody can be behind that address"
    assert machine.overload.state["puts_off"] == "calls"


def test_all_are_let_in_a_second_after_the_last_sign(machine: Machine) -> None:
    machine.is_behind(2.1)
    assert not machine.looks_at(CALL, STRANGER)
    machine.overload.datagrams_wait(False)
    machine.now += 0.9
    assert not machine.looks_at(CALL, STRANGER)
    machine.now += 0.2
    assert machine.looks_at(CALL, STRANGER)
    assert machine.overload.state["puts_off"] == "none"


def test_signs_with_pauses_between_them_are_no_overload(machine: Machine) -> None:
    """A wake that takes all there is, to the last datagram, says that more waits; nobody tells of the end then."""
    for _ in range(10):
        machine.overload.datagrams_wait(True)
        machine.now += 0.3
        assert machine.looks_at(CALL, STRANGER)


def test_those_put_off_are_told_to_come_back_at_different_times(machine: Machine) -> None:
    """RFC 3261 §20.33: they would otherwise all come back at once."""
    machine.is_behind(0.6)
    told = {machine.overload.puts_off(CALL, STRANGER) for _ in range(RETRY_SPREAD)}
    assert told == set(range(RETRY_SECONDS, RETRY_SECONDS + RETRY_SPREAD))


def test_long_turns_of_the_loop_are_overload_by_connections(machine: Machine) -> None:
    stranger = tcp(7, "203.0.113.5")
    for _ in range(4):
        assert machine.looks_at(CALL, stranger)
        machine.turn(0.2)
    assert not machine.looks_at(CALL, stranger)
    machine.turn(0.01)
    machine.now += 1.1
    assert machine.looks_at(CALL, stranger)


def test_turns_of_seconds_add_up_too(machine: Machine) -> None:
    stranger = tcp(7, "203.0.113.5")
    machine.looks_at(CALL, stranger)
    machine.turn(3.0)
    machine.looks_at(CALL, stranger)
    machine.turn(3.0)
    assert not machine.looks_at(CALL, stranger)


@pytest.mark.parametrize("later", [0.0, 0.6, 20.0])
def test_one_pause_of_the_machine_is_no_overload(machine: Machine, later: float) -> None:
    machine.looks_at(CALL, tcp(7))
    machine.turn(30.0)
    machine.now += later
    assert machine.looks_at(CALL, STRANGER)


def test_one_turn_is_timed_at_a_time_and_none_for_datagrams(machine: Machine) -> None:
    for _ in range(5):
        machine.looks_at(CALL, STRANGER)
        assert not machine.next_turn
    for _ in range(5):
        machine.looks_at(CALL, tcp(7))
    assert len(machine.next_turn) == 1


def test_an_overload_is_told_when_it_begins_and_counted_when_it_is_over(machine: Machine) -> None:
    for _ in range(3):
        machine.is_behind(0.6)
        assert not machine.looks_at(CALL, STRANGER)
        machine.overload.datagrams_wait(False)
        machine.now += 30
        machine.overload.expire()
    assert [news.kind for news in machine.news] == ["overloaded"], "one episode, with pauses"
    machine.now += 60
    machine.overload.expire()
    machine.overload.expire()
    assert [(news.kind, news.severity) for news in machine.news] == [
        ("overloaded", "warning"),
        ("overload-over", "info"),
    ]
    assert "3 requests" in machine.news[1].message


def test_a_phone_that_registers_during_an_overload_is_known_within_seconds(machine: Machine) -> None:
    new = udp("198.51.100.7")
    machine.is_behind(0.6)
    assert not machine.looks_at(CALL, new)
    machine.phones.append(binding(flow=new))
    machine.now += 5
    machine.is_behind(0.6)
    assert machine.looks_at(CALL, new)
    assert not machine.looks_at(CALL, STRANGER)
