"""The session timer of RFC 4028, row by row of its table, and its times."""

from __future__ import annotations

import pytest

from sip_daemon.dialog.session_expires import Refresher, SessionExpires
from sip_daemon.dialog.session_timer import Event, Input, SessionTimer, State
from sip_daemon.errors import LocalProtocolError
from tests.support.clock import ManualClock

START = 1_000.0
UAC, UAS = Refresher.UAC, Refresher.UAS


def timer_in(state: State) -> SessionTimer:
    timer = SessionTimer()
    if state is not State.OFF:
        timer.agree(SessionExpires(1800, UAS if state is State.THEIRS else UAC), UAC, START)
    match state:
        case State.ASKED:
            timer.handle_timer(START + 900)
        case State.EXPIRED:
            timer.handle_timer(START + 1800)
    assert timer.state is state
    timer.take_events()
    return timer


def apply(timer: SessionTimer, input_: Input) -> None:
    match input_:
        case Input.AGREED_OURS:
            timer.agree(SessionExpires(1800, UAC), UAC, START)
        case Input.AGREED_THEIRS:
            timer.agree(SessionExpires(1800, UAC), UAS, START)
        case Input.DROPPED:
            timer.agree(None, UAC, START)
        case Input.REFUSED:
            timer.refuse(5, START)
        case Input.TIMER_REFRESH:
            timer.handle_timer(START + 900)
        case Input.TIMER_EXPIRY:
            timer.handle_timer(START + 1768)


ROWS: list[tuple[State, Input, State, list[Event]]] = [
    (State.OFF, Input.AGREED_OURS, State.OURS, []),  # §7.2, §9
    (State.OFF, Input.AGREED_THEIRS, State.THEIRS, []),
    (State.OURS, Input.AGREED_OURS, State.OURS, []),
    (State.OURS, Input.AGREED_THEIRS, State.THEIRS, []),
    (State.OURS, Input.DROPPED, State.OFF, []),
    (State.OURS, Input.TIMER_REFRESH, State.ASKED, [Event.REFRESH]),  # §7.2: half the interval
    (State.OURS, Input.TIMER_EXPIRY, State.EXPIRED, [Event.EXPIRED]),  # §10
    (State.ASKED, Input.AGREED_OURS, State.OURS, []),
    (State.ASKED, Input.AGREED_THEIRS, State.THEIRS, []),
    (State.ASKED, Input.DROPPED, State.OFF, []),
    (State.ASKED, Input.REFUSED, State.OURS, []),
    (State.ASKED, Input.TIMER_EXPIRY, State.EXPIRED, [Event.EXPIRED]),
    (State.THEIRS, Input.AGREED_OURS, State.OURS, []),
    (State.THEIRS, Input.AGREED_THEIRS, State.THEIRS, []),
    (State.THEIRS, Input.DROPPED, State.OFF, []),
    (State.THEIRS, Input.TIMER_EXPIRY, State.EXPIRED, [Event.EXPIRED]),
]


@pytest.mark.parametrize(("state", "input_", "next_state", "events"), ROWS)
def test_row(state: State, input_: Input, next_state: State, events: list[Event]) -> None:
    timer = timer_in(state)
    apply(timer, input_)
    assert timer.state is next_state
    assert timer.take_events() == events


def test_the_rows_are_those_of_the_table() -> None:
    table = {
        (state, input_, next_state)
        for state, row in SessionTimer.TABLE.items()
        for input_, (next_state, _) in row.items()
    }
    assert table == {row[:3] for row in ROWS}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("input_", Input)
def test_what_the_table_leaves_out_changes_nothing(state: State, input_: Input) -> None:
    if (state, input_) in {row[:2] for row in ROWS}:
        return
    timer = timer_in(state)
    before = timer.next_timer()
    timer._feed(input_, None, START)
    assert (timer.state, timer.next_timer(), timer.take_events()) == (state, before, [])


@pytest.mark.parametrize(
    ("interval", "refresh", "expiry"), [(1800, 900, 1768), (90, 45, 60), (96, 48, 64), (120, 60, 88)]
)
def test_a_refresh_is_sent_at_half_and_bye_shortly_before_the_end(interval: int, refresh: int, expiry: int) -> None:
    """§10: the lesser of 32 seconds and a third of the interval."""
    timer, clock = SessionTimer(), ManualClock(START)
    seen: list[tuple[float, Event]] = []

    def handle(now: float) -> None:
        timer.handle_timer(now)
        seen.extend((now - START, event) for event in timer.take_events())

    timer.agree(SessionExpires(interval, UAC), UAC, START)
    clock.run_until(START + 10_000, timer.next_timer, handle)
    assert seen == [(refresh, Event.REFRESH), (expiry, Event.EXPIRED)]
    assert timer.next_timer() is None


def test_a_session_that_is_refreshed_goes_on_for_ever() -> None:
    timer, clock = SessionTimer(), ManualClock(START)
    refreshes = 0

    def handle(now: float) -> None:
        nonlocal refreshes
        timer.handle_timer(now)
        for event in timer.take_events():
            assert event is Event.REFRESH
            refreshes += 1
            timer.agree(SessionExpires(90, UAC), UAC, now + 0.1)

    timer.agree(SessionExpires(90, UAC), UAC, START)
    clock.run_until(START + 24 * 3600, timer.next_timer, handle)
    assert refreshes == 24 * 3600 // 45.1


def test_a_refused_refresh_is_tried_again_while_there_is_time() -> None:
    timer = timer_in(State.ASKED)
    timer.refuse(10, START + 901)
    assert timer.next_timer() == START + 911
    timer.handle_timer(START + 911)
    assert timer.take_events() == [Event.REFRESH]
    timer.refuse(10_000, START + 912)
    assert timer.next_timer() == START + 1768, "the end comes first"


def test_the_other_sides_refresh_starts_the_time_anew() -> None:
    timer = timer_in(State.THEIRS)
    timer.agree(SessionExpires(1800, UAC), UAS, START + 900)
    assert timer.next_timer() == START + 900 + 1768


@pytest.mark.parametrize("state", [State.OURS, State.ASKED])
def test_after_a_restart_ours_is_refreshed_soon(state: State) -> None:
    """When the last refresh was is not known."""
    timer = SessionTimer.load(timer_in(state).dump(), 5_000, pause=3)
    assert (timer.state, timer.interval, timer.next_timer()) == (State.OURS, 1800, 5_003)


def test_after_a_restart_theirs_has_the_whole_time() -> None:
    timer = SessionTimer.load(timer_in(State.THEIRS).dump(), 5_000, pause=3)
    assert (timer.state, timer.next_timer()) == (State.THEIRS, 5_000 + 1768)


@pytest.mark.parametrize("state", [State.OFF, State.EXPIRED])
def test_without_a_timer_there_is_nothing_to_keep(state: State) -> None:
    dumped = timer_in(state).dump()
    assert dumped == {}
    assert SessionTimer.load(dumped, 5_000).next_timer() is None


def test_a_refresh_changes_nothing_of_what_is_kept() -> None:
    timer = timer_in(State.OURS)
    before = timer.dump()
    timer.handle_timer(START + 900)
    assert timer.dump() == before


@pytest.mark.parametrize(
    "values", [{"interval": 90}, {"interval": "x", "is_ours": True}, {"interval": 90, "is_ours": 1}]
)
def test_anything_else_is_no_dump(values: dict[str, object]) -> None:
    with pytest.raises(LocalProtocolError):
        SessionTimer.load(values, START)
