"""Everything works in a network that knows IPv6 only."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.support import baresip
from tests.support.baresip import Baresip
from tests.support.shelf import Shelf
from tests.support.system import GosipSystem
from tests.support.tones import listen

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(not baresip.is_available(), reason="baresip is not installed"),
]


@pytest.fixture
def gosip() -> Iterator[GosipSystem]:
    with GosipSystem(host="::1") as system:
        yield system


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_phones_hear_each_other(gosip: GosipSystem, shelf: Shelf, transport: str) -> None:
    second = gosip.add_device("2002")
    caller = shelf.plug_in(Baresip, gosip.add_device("2001"), 700.0, transport=transport)
    callee = shelf.plug_in(Baresip, second, 1300.0, transport=transport, answer=True)
    caller.dial(second.number)
    caller.wait_event("CALL_ESTABLISHED")
    time.sleep(3)
    caller.hang_up()
    callee.wait_event("CALL_CLOSED")
    time.sleep(0.7)
    for phone, tone in ((caller, 1300.0), (callee, 700.0)):
        hearing = listen(phone.recording(), tone)
        assert hearing.heard_seconds > 2.0
        assert hearing.longest_gap_seconds == 0
