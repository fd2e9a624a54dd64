"""Live calls as people see them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sip_daemon.call.view import BATCH, MEDIA_ANSWER_WITHIN, describe_calls, describe_quality
from sip_daemon.media_plane import MediaSession, MediaStatistics
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
        asked: list[int] = []

        async def answer(sessions: Sequence[MediaSession], *, within: float) -> dict[str, MediaStatistics]:
            assert 0 < within <= MEDIA_ANSWER_WITHIN
            asked.append(len(sessions))
            await asyncio.sleep(0.001)
            return {}

        exchange.media.statistics = answer  # type: ignore[method-assign]
        assert len(await describe_calls(exchange.manager.calls * 100)) == 100
        assert max(asked) == 2 * BATCH
        assert sum(asked) == 200


@in_virtual_time
async def test_the_quality_of_each_leg_is_told_as_far_as_its_worker_answers() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        await connect(anna, berta)
        caller, callee = exchange.media.opened
        caller.series = {"seconds": 5, "age": 5.2, "mos": [4.40928], "speaks": ["fine"], "hears": ["unknown"]}
        callee.is_lost = True
        described = await describe_quality(exchange.manager.calls[0])
        assert [(leg["side"], leg["quality"]) for leg in described["legs"]] == [
            ("caller", {"seconds": 5, "age": 5.2, "mos": [4.41], "speaks": ["fine"], "hears": ["unknown"]}),
            ("callee", None),
        ]
