"""The table of bans: durations, memory, bounds, and what a restart keeps."""

from __future__ import annotations

from sip_daemon.defence import Ban, BanChange, BanTable, DefenceLimits

NOW, WALL = 1000.0, 1_700_000_000.0
LIMITS = DefenceLimits(first_ban_seconds=300, longest_ban_seconds=1000, memory_seconds=5000, max_bans=3)


def table() -> BanTable:
    return BanTable(LIMITS)


def test_each_ban_of_a_source_lasts_twice_as_long_up_to_the_longest() -> None:
    bans, now = table(), NOW
    lengths = []
    for _ in range(4):
        ban = bans.add("192.0.2.1", "scanning", now, WALL)
        lengths.append((ban.until or 0) - WALL)
        now += 1001
        bans.expire(now)
    assert lengths == [300, 600, 1000, 1000]


def test_a_ban_ends_by_itself_and_is_remembered_for_a_while() -> None:
    bans = table()
    ban = bans.add("192.0.2.1", "scanning", NOW, WALL)
    assert bans.expire(NOW + 299) == []
    assert bans.expire(NOW + 300) == [BanChange(ban, is_over=True)]
    assert (bans.get("192.0.2.1"), len(bans), list(bans)) == (None, 0, [])
    assert bans.expire(NOW + 300 + 4999) == []
    assert bans.expire(NOW + 300 + 5000) == [BanChange(ban, is_forgotten=True)]
    assert bans.add("192.0.2.1", "scanning", NOW + 6000, WALL).count == 1


def test_a_ban_by_hand_lasts_until_somebody_ends_it() -> None:
    bans = table()
    ban = bans.add("192.0.2.1", "manual", NOW, WALL, for_good=True, note="nuisance")
    assert bans.expire(NOW + 10**9) == []
    assert bans.remove("192.0.2.1") == ban
    assert bans.remove("192.0.2.1") is None


def test_a_mute_does_not_count_as_a_ban() -> None:
    bans = table()
    bans.mute("192.0.2.1", "scanning", NOW, WALL)
    bans.expire(NOW + 30)
    assert bans.add("192.0.2.1", "scanning", NOW + 31, WALL).count == 1


def test_what_is_remembered_goes_before_what_runs_and_a_ban_for_good_stays() -> None:
    bans = table()
    bans.add("192.0.2.1", "scanning", NOW, WALL)
    bans.expire(NOW + 300)
    bans.add("192.0.2.2", "manual", NOW + 300, WALL, for_good=True)
    later = bans.add("192.0.2.3", "scanning", NOW + 301, WALL)
    bans.add("192.0.2.4", "scanning", NOW + 302, WALL)
    assert [change.ban.source for change in bans.expire(NOW + 303)] == ["192.0.2.1"]
    bans.add("192.0.2.5", "scanning", NOW + 304, WALL)
    assert bans.expire(NOW + 305) == [BanChange(later, is_forgotten=True)], "the one that would end first"
    assert {ban.source for ban in bans} == {"192.0.2.2", "192.0.2.4", "192.0.2.5"}


def test_a_restart_goes_on_with_the_time_that_is_left() -> None:
    bans = table()
    running = Ban("192.0.2.1", "scanning", WALL - 100, WALL + 200, count=2)
    over = Ban("192.0.2.2", "scanning", WALL - 500, WALL - 200)
    for_good = Ban("192.0.2.3", "manual", WALL - 500, None)
    bans.load([running, over, for_good], NOW, WALL)
    assert {ban.source for ban in bans} == {"192.0.2.1", "192.0.2.3"}
    assert bans.expire(NOW + 200) == [BanChange(running, is_over=True)]
    assert bans.add("192.0.2.2", "scanning", NOW + 201, WALL).count == 2


def test_what_ended_long_ago_is_not_remembered_by_a_restart() -> None:
    bans = table()
    bans.load([Ban("192.0.2.2", "scanning", WALL - 9000, WALL - 8000)], NOW, WALL)
    assert bans.add("192.0.2.2", "scanning", NOW, WALL).count == 1
