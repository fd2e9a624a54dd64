from __future__ import annotations

from sip_daemon.transport.deadlines import Deadlines


def test_a_deadline_passes_at_its_time_and_once() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 10.0)
    assert deadlines.passed(9.9) == []
    assert deadlines.passed(10.0) == ["a"]
    assert deadlines.passed(11.0) == []


def test_a_deadline_can_move_away() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 10.0)
    deadlines.set("a", 20.0)
    assert deadlines.passed(15.0) == []
    assert deadlines.passed(20.0) == ["a"]


def test_a_deadline_can_come_nearer() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 20.0)
    deadlines.set("a", 5.0)
    assert deadlines.passed(5.0) == ["a"]
    assert deadlines.passed(30.0) == []


def test_one_that_came_nearer_and_moved_away_again_passes_at_the_last_setting() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for deadline in (20.0, 5.0, 12.0):
        deadlines.set("a", deadline)
    assert deadlines.passed(11.0) == []
    assert deadlines.passed(12.0) == ["a"]


def test_a_discarded_deadline_never_passes() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 10.0)
    deadlines.discard("a")
    assert deadlines.passed(99.0) == []
    assert len(deadlines) == 0


def test_one_set_again_after_it_was_discarded_passes_at_the_new_time() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 10.0)
    deadlines.discard("a")
    deadlines.set("a", 30.0)
    assert deadlines.passed(20.0) == []
    assert deadlines.passed(30.0) == ["a"]


def test_the_departed_are_not_kept_until_their_time_comes() -> None:
    deadlines: Deadlines[int] = Deadlines()
    for number in range(10_000):
        deadlines.set(number, 3900.0)
        deadlines.discard(number)
    assert len(deadlines._heap) < 200
