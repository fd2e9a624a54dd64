"""Live calls as people see them."""

from __future__ import annotations

import asyncio

from sip_daemon.call.view import BATCH, MEDIA_ANSWER_WITHIN, describe_calls
from sip_daemon.media_plane import MediaStatistics
from tests.sip_daemon.call.test_calls import connect
from tests.support.exchange import Exchange
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_call_is_described_with_its_people_and_counters() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        await connect(anna, berta)
        (described,) = await describe_calls(exchange.manager.calls)
        assert (described["state"], described["caller"]["name"], described["callee"]["name"]) == (
            "talking",
            "Anna Berg",
            "Berta Alm",
        )
        assert [leg["codec"] for leg in described["legs"]] == ["PCMA/8000", "PCMA/8000"]
        assert [leg["media"]["packets_received"] for leg in described["legs"]] == [100, 100]


@in_virtual_time
async def test_a_media_process_that_hangs_costs_its_counters_and_no_more_time() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        await connect(anna, berta)

        async def hang() -> MediaStatistics:
            await asyncio.Event().wait()
            return MediaStatistics()

        for session in exchange.media.sessions.values():
            session.statistics = hang  # type: ignore[method-assign]
        before = asyncio.get_running_loop().time()
        described = await describe_calls(exchange.manager.calls * (4 * BATCH))
        assert asyncio.get_running_loop().time() - before < MEDIA_ANSWER_WITHIN + 0.1
        assert len(described) == 4 * BATCH
        assert described[0]["legs"][0]["media"] is None


@in_virtual_time
async def test_many_calls_are_asked_about_in_portions() -> None:
    """So that calls go on between them."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        await connect(anna, berta)
        waiting = most = 0

        async def answer_later() -> MediaStatistics:
            nonlocal waiting, most
            waiting += 1
            most = max(most, waiting)
            await asyncio.sleep(0.001)
            waiting -= 1
            return MediaStatistics()

        for session in exchange.media.sessions.values():
            session.statistics = answer_later  # type: ignore[method-assign]
        assert len(await describe_calls(exchange.manager.calls * 100)) == 100
        assert most == 2 * BATCH
