"""Whole calls over a network that loses, doubles and reorders on both legs: each ends in the right record, once, and
nothing is left of it, neither transaction nor dialog nor timer nor media."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sip_daemon.call.record import CallEnded, CallStatus
from tests.support.bad_network import BadNetwork
from tests.support.exchange import Exchange
from tests.support.phones import ALLOW, PBX, Phone, PhoneCall
from tests.support.transactions import Fate
from tests.support.virtual_time import in_virtual_time

D, L, U, S = Fate.DELIVER, Fate.LOSE, Fate.DUPLICATE, Fate.DELAY


@dataclass(frozen=True)
class Weather:
    """What becomes of the first datagrams in each direction."""

    from_caller: Sequence[Fate] = ()
    to_caller: Sequence[Fate] = ()
    to_callee: Sequence[Fate] = ()
    from_callee: Sequence[Fate] = ()


async def until(condition: Callable[[], bool], say: Callable[[], None]) -> None:
    """A phone that repeats itself, at T1 and then at doubled intervals up to T2, until it is heard."""
    interval = 0.5
    async with asyncio.timeout(60):
        while not condition():
            say()
            await asyncio.sleep(interval)
            interval = min(2 * interval, 4.0)


def has(leg: PhoneCall, method: str) -> bool:
    return any(one.method == method for one in leg.requests)


async def answer(leg: PhoneCall) -> None:
    await until(lambda: has(leg, "ACK"), leg.answer)


async def answered(anna: Phone, berta: Phone, headers: Sequence[tuple[str, str]] = ()) -> tuple[PhoneCall, PhoneCall]:
    call = anna.dial("200", headers=headers)
    ringing = await berta.incoming()
    ringing.ring()
    await asyncio.sleep(3)
    await answer(ringing)
    await call.response(200)
    return call, ringing


async def the_caller_hangs_up(anna: Phone, berta: Phone) -> CallStatus:
    call, ringing = await answered(anna, berta)
    await asyncio.sleep(5)
    call.hang_up()
    assert (await call.reply()).status in (200, 481)
    await ringing.received("BYE")
    return CallStatus.ANSWERED


async def the_called_one_hangs_up_at_once(anna: Phone, berta: Phone) -> CallStatus:
    call, ringing = await answered(anna, berta)
    ringing.hang_up()
    assert (await ringing.reply()).status == 200
    await call.received("BYE")
    return CallStatus.ANSWERED


async def both_hang_up_together(anna: Phone, berta: Phone) -> CallStatus:
    call, ringing = await answered(anna, berta)
    await asyncio.sleep(5)
    call.hang_up()
    ringing.hang_up()
    assert (await call.reply()).status in (200, 481)
    assert (await ringing.reply()).status in (200, 481)
    return CallStatus.ANSWERED


async def the_caller_holds_and_resumes(anna: Phone, berta: Phone) -> CallStatus:
    call, ringing = await answered(anna, berta)
    for direction in ("sendonly", "sendrecv"):
        await asyncio.sleep(5)
        call.reinvite(direction)
        assert (await call.reply()).status == 200
    await asyncio.sleep(5)
    call.hang_up()
    await ringing.received("BYE")
    return CallStatus.ANSWERED


async def the_caller_updates(anna: Phone, berta: Phone) -> CallStatus:
    berta.headers = (("Allow", ALLOW),)
    call, ringing = await answered(anna, berta, [("Allow", ALLOW)])
    await asyncio.sleep(5)
    call.reinvite("sendonly", method="UPDATE")
    assert (await call.reply()).status == 200
    ringing.hang_up()
    await call.received("BYE")
    return CallStatus.ANSWERED


async def both_sides_are_reliable(anna: Phone, berta: Phone) -> CallStatus:
    """RFC 3262 on both legs, with early media."""
    call = anna.dial("200", headers=[("Require", "100rel")])
    ringing = await berta.incoming()
    await until(lambda: has(ringing, "PRACK"), lambda: ringing.ring(183, berta.sdp(), rseq=1))
    await call.response(183)
    await answer(ringing)
    await call.response(200)
    await asyncio.sleep(5)
    call.hang_up()
    await ringing.received("BYE")
    return CallStatus.ANSWERED


async def the_caller_gives_up(anna: Phone, berta: Phone) -> CallStatus:
    call = anna.dial("200")
    ringing = await berta.incoming()
    for _ in range(8):  # nobody says that a 180 arrived
        ringing.ring()
        await asyncio.sleep(0.5)
    call.cancel()
    assert (await call.final()).status == 487
    await ringing.cancelled()
    return CallStatus.MISSED


async def the_called_one_is_busy(anna: Phone, berta: Phone) -> CallStatus:
    call = anna.dial("200")
    (await berta.incoming()).reject(486)
    assert (await call.final()).status == 486
    return CallStatus.BUSY


async def nobody_answers(anna: Phone, berta: Phone) -> CallStatus:
    call = anna.dial("200")
    ringing = await berta.incoming()
    for _ in range(8):
        ringing.ring()
        await asyncio.sleep(0.5)
    assert (await call.final()).status == 480
    await ringing.cancelled()
    return CallStatus.MISSED


async def the_session_is_refreshed(anna: Phone, berta: Phone) -> CallStatus:
    """RFC 4028, by us, on both legs."""
    berta.headers = anna.mid_call_headers = berta.mid_call_headers = (("Session-Expires", "90;refresher=uac"),)
    call, ringing = await answered(anna, berta, [("Session-Expires", "90"), ("Supported", "timer"), ("Allow", ALLOW)])
    await asyncio.sleep(300)
    assert sum(one.method == "UPDATE" for one in call.requests) >= 6
    assert sum(one.method == "INVITE" for one in ringing.requests) >= 6
    call.hang_up()
    await ringing.received("BYE")
    return CallStatus.ANSWERED


STORIES = [
    the_caller_hangs_up,
    the_called_one_hangs_up_at_once,
    both_hang_up_together,
    the_caller_holds_and_resumes,
    the_caller_updates,
    both_sides_are_reliable,
    the_caller_gives_up,
    the_called_one_is_busy,
    nobody_answers,
    the_session_is_refreshed,
]

PATTERNS: list[Sequence[Fate]] = [
    [L],
    [D, L],
    [L, D, L],
    [L, L, L],
    [D, D, L, L],
    [U] * 12,
    [S],
    [D, S, S],
    [S, D, L, U, S],
    [D, U, L, S, U, L],
    [D, D, D, L, D, L, S],
]
"""What one direction suffers; the last ones reach into answer, ACK and BYE."""

Tell = Callable[[Phone, Phone], Awaitable[CallStatus]]


async def play(tell: Tell, weather: Weather) -> None:
    network = BadNetwork()
    async with Exchange(network=network) as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        anna.is_patient = berta.is_patient = True
        network.treat(anna.address, PBX, weather.from_caller)
        network.treat(PBX, anna.address, weather.to_caller)
        network.treat(PBX, berta.address, weather.to_callee)
        network.treat(berta.address, PBX, weather.from_callee)
        expected = await tell(anna, berta)
        record = await exchange.ended()
        assert record.status is expected
        await exchange.quiet()
        assert sum(isinstance(change, CallEnded) for change in exchange.changes) == 1
        assert not exchange.manager.calls
        assert (exchange.manager.dialog_count, exchange.leftovers(), exchange.timers()) == (0, 0, 0)
        assert not exchange.media.sessions


@pytest.mark.parametrize("tell", STORIES)
@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("direction", ["from_caller", "to_caller", "to_callee", "from_callee"])
@in_virtual_time
async def test_one_direction_is_bad(tell: Tell, pattern: Sequence[Fate], direction: str) -> None:
    await play(tell, Weather(**{direction: pattern}))


@pytest.mark.parametrize("tell", STORIES)
@pytest.mark.parametrize("pattern", PATTERNS)
@in_virtual_time
async def test_all_directions_are_bad(tell: Tell, pattern: Sequence[Fate]) -> None:
    await play(tell, Weather(pattern, pattern, pattern, pattern))


# With four each way all seven transmissions of an INVITE, or their answers, could be lost: then there is no call.
FATES = st.lists(st.sampled_from(Fate), max_size=3)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(STORIES), FATES, FATES, FATES, FATES)
def test_any_weather_gives_one_record_and_leaves_nothing(
    tell: Tell, from_caller: list[Fate], to_caller: list[Fate], to_callee: list[Fate], from_callee: list[Fate]
) -> None:
    in_virtual_time(play)(tell, Weather(from_caller, to_caller, to_callee, from_callee))
