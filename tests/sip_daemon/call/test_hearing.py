"""One-way audio in words, as an event, and in the record."""

from __future__ import annotations

import pytest

from sip_daemon.call.hearing import MAX_KEPT, sentence
from sip_daemon.media_plane import MediaHearing, MediaStatistics
from tests.sip_daemon.call.test_calls import connect
from tests.support.exchange import WALL_CLOCK, Exchange
from tests.support.virtual_time import in_virtual_time

DEAF = MediaHearing("nothing", "unknown", "other-address")
FINE = MediaHearing("fine", "fine", "")


@pytest.mark.parametrize(
    ("hearing", "text"),
    [
        (DEAF, "Nobody hears 201 (packets come from another address than the phone announced)."),
        (
            MediaHearing("soundless", "fine", "microphone"),
            "No sound comes from 201 (it sends packets without sound: a dead or muted microphone).",
        ),
        (
            MediaHearing("fine", "nothing", "nat"),
            "201 hears nothing (the phone announces a private address and sits behind NAT).",
        ),
        (MediaHearing("nothing", "nothing", ""), "Nobody hears 201, and 201 hears nothing."),
        (FINE, "201 is heard and hears again."),
    ],
)
def test_a_person_is_told_who_is_not_heard_and_why(hearing: MediaHearing, text: str) -> None:
    assert sentence("201", hearing) == text


@in_virtual_time
async def test_the_first_alarm_of_a_leg_is_an_event_and_each_change_is_in_its_record() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, _ = await connect(anna, berta)
        session = exchange.session_of(berta)
        await exchange.pass_time(8)
        for hearing in (DEAF, FINE, DEAF):
            session.emit(hearing)
            await exchange.pass_time(1)
        call.hang_up()
        record = await exchange.ended()
        (trouble,) = exchange.troubles
        assert trouble.kind == "one-way-audio"
        assert trouble.message.startswith("Call of 100 to 200: Nobody hears 200 (packets come from another address")
        assert trouble.at == pytest.approx(WALL_CLOCK + 8, abs=0.5)
        changes = record.legs[1].detail["hearing"]
        assert isinstance(changes, list)
        assert [change["speaks"] for change in changes] == ["nothing", "fine", "nothing"]
        assert record.legs[0].detail["hearing"] == []


@in_virtual_time
async def test_a_bad_network_fills_neither_record_nor_journal() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, _ = await connect(anna, berta)
        for hearing in (DEAF, FINE) * 50:
            exchange.session_of(anna).emit(hearing)
        await exchange.quiet()
        call.hang_up()
        record = await exchange.ended()
        assert len(exchange.troubles) == 1
        assert len(record.legs[0].detail["hearing"]) == MAX_KEPT  # type: ignore[arg-type]


@in_virtual_time
async def test_the_scores_and_the_series_are_kept_with_each_leg() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, _ = await connect(anna, berta)
        exchange.session_of(anna).counters = MediaStatistics(
            packets_received=500, packets_lost=3, mos=4.2117, remote_mos=3.98765, packets_discarded=2, speaks="fine",
            series={"seconds": 5, "age": 10.0, "mos": [4.40928, None], "speaks": ["fine"] * 2, "hears": ["fine"] * 2},
        )  # fmt: skip
        call.hang_up()
        caller, callee = (await exchange.ended()).legs
        assert (caller.detail["mos"], caller.detail["remote_mos"], caller.detail["packets_discarded"]) == (
            4.21,
            3.99,
            2,
        )
        assert caller.detail["quality"] == {
            "seconds": 5, "age": 10.0, "mos": [4.41, None], "speaks": ["fine"] * 2, "hears": ["fine"] * 2,
        }  # fmt: skip
        assert callee.detail["quality"] is None
