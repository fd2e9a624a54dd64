"""Why a call ended, as its phones say it (RFC 3326, RFC 6432): for the record, and for the other phone."""

from __future__ import annotations

import pytest

from sip_daemon.call import cause as causes
from sip_daemon.call.reason import Reason, read_reason
from sip_daemon.call.record import CallStatus
from tests.sip_daemon.call.test_calls import connect
from tests.support.exchange import Exchange
from tests.support.transactions import make_request
from tests.support.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ('SIP ;cause=200 ;text="Call completed elsewhere"', Reason(sip=200)),
        ('Q.850;cause=16;text="Terminated"', Reason(q850=16)),
        ('q.850; cause=41 ;text="a, b; c"', Reason(q850=41)),
        ("SIP;cause=488, Q.850;cause=88", Reason(488, 88)),
        ("Q.850;cause=17, Q.850;cause=19", Reason(q850=17)),
        ("Preemption;cause=1", Reason()),
        ("SIP;cause=9999", Reason()),
        ("Q.850;cause=0", Reason()),
        ("Q.850;cause=x", Reason()),
        ("Q.850", Reason()),
        ("", Reason()),
        ('SIP;cause="', Reason()),
    ],
)
def test_what_can_be_trusted_is_read(value: str, reason: Reason) -> None:
    assert read_reason(make_request("BYE", headers=[("Reason", value)])) == reason


def test_without_the_header_there_is_none() -> None:
    assert read_reason(make_request("BYE")) == Reason()


@pytest.mark.parametrize("reason", [Reason(), Reason(sip=200), Reason(q850=16), Reason(200, 31)])
def test_a_normal_end_is_no_news(reason: Reason) -> None:
    assert causes.of_bye(reason) is causes.NORMAL


@pytest.mark.parametrize(
    ("reason", "text", "sent"),
    [
        (Reason(q850=41), "Call over: temporary failure", 'Q.850;cause=41;text="Call over: temporary failure"'),
        (Reason(q850=99), "Call over: cause 99", 'Q.850;cause=99;text="Call over: cause 99"'),
        (
            Reason(sip=488),
            "Call over: not acceptable here",
            'Q.850;cause=16;text="Call over: not acceptable here", SIP;cause=488',
        ),
    ],
)
def test_another_end_is_told_in_our_words(reason: Reason, text: str, sent: str) -> None:
    cause = causes.of_bye(reason)
    assert (cause.text, cause.reason) == (text, sent)


@in_virtual_time
async def test_the_reason_of_a_bye_is_in_the_record_and_reaches_the_other_phone() -> None:
    """What JsSIP sends when it cannot use an answer."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        call.request("BYE", headers=[("Reason", 'SIP;cause=488;text="secret <words>"')])
        bye = await ringing.received("BYE")
        assert bye.headers.get("Reason") == 'Q.850;cause=16;text="Call over: not acceptable here", SIP;cause=488'
        record = await exchange.ended()
        assert (record.status, record.cause, record.ended_by) == (
            CallStatus.ANSWERED,
            "Call over: not acceptable here",
            "caller",
        )


@in_virtual_time
async def test_the_called_one_has_reasons_too() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call, ringing = await connect(anna, berta)
        ringing.request("BYE", headers=[("Reason", "Q.850;cause=27")])
        assert "cause=27" in ((await call.received("BYE")).headers.get("Reason") or "")
        record = await exchange.ended()
        assert (record.cause, record.ended_by) == ("Call over: phone out of order", "callee")


@in_virtual_time
async def test_a_call_that_was_answered_elsewhere_is_missed_nowhere() -> None:
    """RFC 3326 §1: the caller is an exchange that forked; our phones are told the same."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        ringing = await berta.incoming()
        ringing.ring()
        await call.response(180)
        call.cancel([("Reason", 'SIP;cause=200;text="Call completed elsewhere"')])
        cancel = await ringing.cancelled()
        assert cancel.headers.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
        record = await exchange.ended()
        assert (record.status, record.cause, record.ended_by) == (
            CallStatus.CANCELLED,
            "Answered elsewhere",
            "caller",
        )


@in_virtual_time
async def test_a_refusal_that_says_little_by_its_status_may_say_more_by_its_reason() -> None:
    """RFC 6432."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        berta.headers = (("Reason", "Q.850;cause=34"),)
        (await berta.incoming()).reject(500)
        final = await call.final()
        assert final.status == 480
        assert (final.headers.get("Reason") or "").startswith("Q.850;cause=34;")
