"""What happens to a call when something else than its phones ends it."""

from __future__ import annotations

import asyncio

import pytest

from sip_daemon.call import cause as causes
from sip_daemon.call.record import CallStatus
from sip_daemon.errors import MediaError
from sip_daemon.media_plane import MediaStatistics, RemoteMedia
from tests.sip_daemon.call.test_calls import connect
from tests.support.exchange import Exchange
from tests.support.virtual_time import in_virtual_time


async def hang(*_: object) -> MediaStatistics:
    """A media process that was stopped by a debugger."""
    await asyncio.Event().wait()
    return MediaStatistics()


@in_virtual_time
async def test_a_call_whose_story_is_cancelled_tells_its_phones_and_is_recorded() -> None:
    """As when the system stops and the calls take too long to end."""
    exchange = Exchange()
    running = asyncio.create_task(exchange.manager.run())
    await asyncio.sleep(0)
    anna, berta = exchange.phone("100"), exchange.phone("200")
    call, ringing = await connect(anna, berta)
    running.cancel()
    await call.received("BYE")
    await ringing.received("BYE")
    await asyncio.gather(running, return_exceptions=True)
    assert exchange.records[0].status is CallStatus.STOPPED
    assert [leg.state for leg in exchange.records[0].legs] == ["answered", "answered"]
    assert not exchange.media.sessions


@in_virtual_time
async def test_the_record_does_not_wait_for_a_media_process_that_hangs(caplog: pytest.LogCaptureFixture) -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, _ = await connect(anna, berta)
        exchange.session_of(berta).close = hang  # type: ignore[method-assign]
        before = exchange.endpoint.now()
        call.hang_up()
        record = await exchange.ended()
        assert exchange.endpoint.now() - before < 1
        assert (record.status, len(record.legs)) == (CallStatus.ANSWERED, 2)
        assert "did not answer" in caplog.text


@in_virtual_time
async def test_media_that_cannot_be_set_up_end_the_attempt_and_the_log_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        ringing = await berta.incoming()

        async def refuse(remote: RemoteMedia) -> None:
            raise MediaError(f"no such codec: {remote.codecs[0]}")

        exchange.media.opened[0].configure = refuse  # type: ignore[method-assign]
        ringing.answer()
        assert (await call.final()).status == 500
        await ringing.received("BYE")
        assert (await exchange.ended()).cause == causes.MEDIA_FAILED.text
        assert "no such codec" in caplog.text


@in_virtual_time
async def test_a_media_worker_that_ends_while_a_phone_rings_ends_the_attempt() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        ringing = await berta.incoming()
        ringing.ring()
        await call.response(180)
        exchange.media.lose_worker(0)
        assert (await call.final()).status == 500
        await ringing.cancelled()
        assert (await exchange.ended()).cause == causes.MEDIA_LOST.text


@in_virtual_time
async def test_a_caller_that_gives_up_while_its_service_starts_was_not_answered() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        started = asyncio.Event()
        open_session = exchange.media.open

        async def open_slowly(*arguments: object, **options: object) -> object:
            sessions = await open_session(*arguments, **options)  # type: ignore[arg-type]
            await started.wait()
            return sessions

        exchange.media.open = open_slowly  # type: ignore[method-assign, assignment]
        call = anna.dial("*43")
        await call.response(100)
        call.cancel()
        assert (await call.final()).status == 487
        started.set()
        record = await exchange.ended()
        assert (record.status, record.sip_status, record.answered_at) == (CallStatus.CANCELLED, 487, None)
        assert not exchange.media.sessions
