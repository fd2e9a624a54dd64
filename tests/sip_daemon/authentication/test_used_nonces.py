"""What is remembered of nonces that were used, and what of those that were forgotten."""

from __future__ import annotations

from sip_daemon.authentication.used_nonces import UsedNonces

SECONDS = 300.0
NOW = 1000.0


def nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def use(used: UsedNonces, number: int, *, count: int = 1, now: float = NOW) -> bool:
    """Issued in the millisecond of its number."""
    return used.use(nonce(number), number, count, now)


def test_a_nonce_is_used_once_with_each_count_and_never_with_a_lower_one() -> None:
    used = UsedNonces(100, SECONDS)
    assert [use(used, 1, count=count) for count in (1, 1, 3, 2, 3, 4)] == [True, False, True, False, False, True]


def test_a_count_is_remembered_when_its_generation_has_become_the_older_one() -> None:
    used = UsedNonces(4, SECONDS)
    for number in (1, 2, 3):
        assert use(used, number)
    assert not use(used, 1)
    assert use(used, 1, count=2)
    assert not use(used, 1, count=2)


def test_there_are_never_more_than_as_many() -> None:
    used = UsedNonces(10, SECONDS)
    for number in range(1000):
        assert use(used, number)
        assert len(used) <= 10


def test_what_is_let_go_for_want_of_room_is_below_the_floor_and_what_is_kept_is_not() -> None:
    used = UsedNonces(10, SECONDS)
    for number in range(1000):
        use(used, number)
    assert all(not use(used, number) for number in range(used.floor + 1, 1000))
    assert 1000 - 10 <= used.floor + 1 <= 1000 - 5


def test_what_is_let_go_because_it_is_too_old_raises_no_floor() -> None:
    """Nonces of that age are refused anyway, and others of the same time must not be taken for used."""
    used = UsedNonces(100, SECONDS)
    for step in range(10):
        assert use(used, step, now=NOW + 400 * step)
    assert used.floor == -1
    assert len(used) <= 2
