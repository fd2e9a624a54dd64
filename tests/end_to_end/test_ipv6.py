"""Everything works in a network that knows IPv6 only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import baresip
from tests.support.baresip import Baresip
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
def test_two_phones_hear_each_other(gosip: GosipSystem, tmp_path: Path, transport: str) -> None:
    first, second = gosip.add_device("2001"), gosip.add_device("2002")
    common: dict[str, Any] = {"server": gosip.server, "host": gosip.host, "transport": transport}
    with (
        Baresip(tmp_path / "a", username=first.username, password=first.password, tone=700.0, **common) as caller,
        Baresip(
            tmp_path / "b", username=second.username, password=second.password, tone=1300.0, answer=True, **common
        ) as callee,
    ):
        caller.wait_registered()
        callee.wait_registered()
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
