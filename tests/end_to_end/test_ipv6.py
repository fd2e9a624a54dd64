"""Everything works in a network that knows IPv6 only, and between it and one that knows IPv4 only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Accounts
from tests.support import baresip, linphone
from tests.support.baresip import Baresip
from tests.support.linphone import Linphone
from tests.support.shelf import Shelf
from tests.support.system import GosipSystem
from tests.support.tones import listen

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(not baresip.is_available(), reason="baresip is not installed"),
]


@pytest.fixture(scope="module")
def gosip() -> Iterator[GosipSystem]:
    with GosipSystem(host="::1") as system:
        yield system


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_phones_hear_each_other(accounts: Accounts, shelf: Shelf, transport: str) -> None:
    second = accounts.add()
    caller = shelf.plug_in(Baresip, accounts.add(), 700.0, transport=transport)
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


needs_linphone = pytest.mark.skipif(not linphone.is_available(), reason="linphonec is not installed")


@needs_linphone
def test_linphone_and_baresip_hear_each_other(accounts: Accounts, shelf: Shelf) -> None:
    talk(shelf, accounts, caller_host="::1", callee_host="::1")


@pytest.fixture(scope="module")
def dual_stack() -> Iterator[GosipSystem]:
    """On every address of this machine."""
    with GosipSystem(host="") as system:
        yield system


@pytest.fixture(scope="module")
def dual_accounts(dual_stack: GosipSystem) -> Accounts:
    return Accounts(dual_stack)


@needs_linphone
@pytest.mark.parametrize(("caller_host", "callee_host"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
def test_phones_of_two_families_hear_each_other(
    dual_stack: GosipSystem, dual_accounts: Accounts, tmp_path: Path, caller_host: str, callee_host: str
) -> None:
    """Neither could reach the other: audio goes from one family into the other."""
    with Shelf(dual_stack, tmp_path) as shelf:
        talk(shelf, dual_accounts, caller_host=caller_host, callee_host=callee_host)


def talk(shelf: Shelf, accounts: Accounts, *, caller_host: str, callee_host: str) -> None:
    """A linphone calls a baresip; both must hear the other's tone."""
    second = accounts.add()
    caller = shelf.plug_in(Linphone, accounts.add(), 700.0, host=caller_host)
    callee = shelf.plug_in(Baresip, second, 1300.0, host=callee_host, answer=True)
    caller.dial(second.number)
    caller.wait_running()
    time.sleep(3)
    caller.hang_up()
    callee.wait_event("CALL_CLOSED")
    caller.wait_released()
    time.sleep(0.7)
    for phone, tone in ((caller, 1300.0), (callee, 700.0)):
        assert listen(phone.recording(), tone).heard_seconds > 2.0
