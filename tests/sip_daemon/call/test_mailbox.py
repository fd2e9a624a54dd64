"""The queue between a call and what happens to it."""

from __future__ import annotations

import asyncio

import pytest

from sip_daemon.call.mailbox import Mailbox


async def test_what_was_put_first_comes_first() -> None:
    mailbox: Mailbox[int] = Mailbox()
    mailbox.put(1)
    mailbox.put(2)
    assert [await mailbox.get(), await mailbox.get()] == [1, 2]


async def test_a_reader_that_waits_gets_the_next_item() -> None:
    mailbox: Mailbox[str] = Mailbox()
    reader = asyncio.create_task(mailbox.get())
    await asyncio.sleep(0)
    mailbox.put("a")
    mailbox.put("b")
    assert await reader == "a"
    assert await mailbox.get() == "b"


async def test_a_reader_that_gave_up_loses_nothing() -> None:
    mailbox: Mailbox[str] = Mailbox()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(mailbox.get(), 0.001)
    mailbox.put("a")
    assert await mailbox.get() == "a"
