"""Requests from outside any dialog: who may ask, and what is refused with which words."""

from __future__ import annotations

import pytest

from sip_daemon.call.capabilities import ALLOW, SUPPORTED
from tests.support.exchange import Exchange
from tests.support.phones import PBX
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_stranger_is_challenged_and_no_call_begins() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        final = await anna.dial("200", authenticate=False).final()
        assert final.status == 401
        assert [value.split("algorithm=")[1].split(",")[0] for value in final.headers.get_all("WWW-Authenticate")] == [
            "MD5",
            "SHA-256",
        ]
        assert not exchange.changes


@in_virtual_time
async def test_a_wrong_password_and_an_unknown_user_are_answered_alike() -> None:
    async with Exchange() as exchange:
        anna, ghost = exchange.phone("100"), exchange.phone("300")
        anna.password = "wrong"
        ghost.username = "ghost"
        wrong, unknown = await _refusal(anna), await _refusal(ghost)
        assert wrong == unknown == (403, "Forbidden", None)
        assert not exchange.changes


async def _refusal(phone: object) -> tuple[int, str, str | None]:
    final = None
    call = phone.dial("200")  # type: ignore[attr-defined]
    final = await call.final()
    return final.status, final.reason, final.headers.get("Warning")


@pytest.mark.parametrize(
    ("number", "host", "status"),
    [
        ("999", "pbx.example", 404),
        ("200", "elsewhere.example", 404),
    ],
)
@in_virtual_time
async def test_what_is_not_here_is_not_found(number: str, host: str, status: int) -> None:
    async with Exchange() as exchange:
        final = await exchange.phone("100").dial(number, host=host).final()
        assert final.status == status


@in_virtual_time
async def test_a_foreign_domain_is_explained() -> None:
    async with Exchange() as exchange:
        final = await exchange.phone("100").dial("200", host="elsewhere.example").final()
        assert "does not serve that domain" in (final.headers.get("Warning") or "")


@in_virtual_time
async def test_nothing_dialled_is_an_incomplete_address() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        request = anna.make_request("INVITE", f"sip:{PBX.host}")
        call = anna.dial("x")
        assert (await call.final()).status == 404
        request.headers.set("Contact", str(anna.contact))
        request.body = anna.sdp()
        request.headers.set("Content-Type", "application/sdp")
        anna.send(request, call)
        await call.response(484)


@in_virtual_time
async def test_a_disabled_extension_is_unavailable() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        exchange.phone("200")
        exchange.change_extension("200", enabled=False)
        assert (await anna.dial("200").final()).status == 480


@in_virtual_time
async def test_a_refused_attempt_is_in_the_history() -> None:
    async with Exchange() as exchange:
        await exchange.phone("100").dial("999").final()
        record = await exchange.ended()
        assert (record.dialled, record.sip_status, record.cause) == ("999", 404, "No such number or name here")


@in_virtual_time
async def test_an_invite_that_offers_only_secure_rtp_is_refused_with_a_warning() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        final = await anna.dial("200", body=anna.sdp().replace(b"RTP/AVP", b"RTP/SAVP")).final()
        assert final.status == 488
        assert "Secure RTP" in (final.headers.get("Warning") or "")


@in_virtual_time
async def test_a_broken_description_is_a_bad_request() -> None:
    async with Exchange() as exchange:
        assert (await exchange.phone("100").dial("200", body=b"nonsense").final()).status == 400


@in_virtual_time
async def test_a_body_of_another_kind_is_unsupported() -> None:
    """RFC 3261 §8.2.3."""
    async with Exchange() as exchange:
        final = await exchange.phone("100").dial("200", headers=[("Content-Type", "text/plain")]).final()
        assert (final.status, final.headers.get("Accept")) == (415, "application/sdp")


@in_virtual_time
async def test_an_extension_that_we_lack_is_named() -> None:
    """RFC 3261 §8.2.2.3."""
    async with Exchange() as exchange:
        final = await exchange.phone("100").dial("200", headers=[("Require", "100rel, gruu, foo")]).final()
        assert (final.status, final.headers.get("Unsupported")) == (420, "foo, gruu")


@pytest.mark.parametrize(("method", "status"), [("INVITE", 483), ("OPTIONS", 200)])
@in_virtual_time
async def test_a_request_that_may_go_no_further_does_not(method: str, status: int) -> None:
    """RFC 3261 §16.3 item 3; OPTIONS is answered by whom it has come to."""
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        response = await anna.ask(method, f"sip:200@{PBX.host}", [("Max-Forwards", "0")])
        assert response.status == status


@pytest.mark.parametrize(
    ("accepted", "status"),
    [
        ("text/plain", 406),
        ("", 406),
        ("text/plain, Application/SDP;level=1", 480),
        ("*/*", 480),
        ("application/*", 480),
    ],
)
@in_virtual_time
async def test_who_takes_no_session_description_cannot_call(accepted: str, status: int) -> None:
    """RFC 3261 §20.1, §21.4.7."""
    async with Exchange() as exchange:
        exchange.change_extension("200", enabled=False)
        final = await exchange.phone("100").dial("200", headers=[("Accept", accepted)]).final()
        assert final.status == status


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
@in_virtual_time
async def test_an_address_of_another_kind_is_no_address(method: str) -> None:
    """RFC 3261 §8.2.2.1."""
    async with Exchange() as exchange:
        response = await exchange.phone("100").ask(method, "tel:+15551234")
        assert (response.status, "Only SIP URIs" in (response.headers.get("Warning") or "")) == (416, True)


@in_virtual_time
async def test_our_own_request_that_comes_back_is_a_loop() -> None:
    """RFC 3261 §16.3 item 4: a phone that forwards our INVITE to us."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        anna.dial("200")
        invite = (await berta.incoming()).invite
        assert invite is not None
        forwarded = berta.make_request("INVITE", f"sip:100@{PBX.host}")
        forwarded.headers.add("Via", str(invite.top_via))
        berta.send(forwarded, berta.calls[0])
        # Its second Via makes the answer a stray for the phone, as for any hop but the last.
        await berta.until(lambda: any(stray.status == 482 for stray in berta.strays), "a 482")


@in_virtual_time
async def test_a_loop_through_others_runs_down() -> None:
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        anna.dial("200", headers=[("Max-Forwards", "5")])
        invite = (await berta.incoming()).invite
        assert invite is not None
        assert invite.max_forwards == 4


@in_virtual_time
async def test_the_same_request_by_another_way_is_merged() -> None:
    """RFC 3261 §8.2.2.2."""
    async with Exchange() as exchange:
        anna, berta = exchange.phone("100"), exchange.phone("200")
        call = anna.dial("200")
        await berta.incoming()
        assert call.invite is not None
        again = call.invite.copy()
        again.headers.remove("Via")
        anna.send(again, call)
        await call.response(482)
        assert len(exchange.manager.calls) == 1


@in_virtual_time
async def test_options_tell_what_we_can_do() -> None:
    """RFC 3261 §11.2, and nothing that does not work."""
    async with Exchange() as exchange:
        response = await exchange.phone("100").ask("OPTIONS", f"sip:{PBX.host}")
        assert response.status == 200
        assert response.allow == frozenset(ALLOW)
        assert response.headers.get("Accept") == "application/sdp"
        assert response.supported == SUPPORTED


@pytest.mark.parametrize("method", ["MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER", "FOO"])
@in_virtual_time
async def test_a_method_that_we_do_not_do_is_not_allowed(method: str) -> None:
    async with Exchange() as exchange:
        response = await exchange.phone("100").ask(method, f"sip:{PBX.host}")
        assert response.status == 405
        assert response.allow == frozenset(ALLOW)


@in_virtual_time
async def test_a_bye_that_belongs_nowhere_is_told_so() -> None:
    async with Exchange() as exchange:
        anna = exchange.phone("100")
        assert (await anna.ask("BYE", f"sip:{PBX.host}")).status == 481
        strange = [("To", f"<sip:200@{PBX.host}>;tag=nobody")]
        assert (await anna.ask("BYE", f"sip:{PBX.host}", strange)).status == 481


@in_virtual_time
async def test_an_invite_that_names_no_contact_is_a_bad_request() -> None:
    async with Exchange() as exchange:
        response = await exchange.phone("100").ask("INVITE", f"sip:200@{PBX.host}")
        assert response.status == 400


@in_virtual_time
async def test_a_plan_can_be_asked_for() -> None:
    async with Exchange() as exchange:
        exchange.phone("100", "anna"), exchange.phone("200")
        by_device, by_number = exchange.manager.explain("anna", "200"), exchange.manager.explain("100", "200")
        assert by_device is not None
        assert by_device == by_number
        assert by_device.callee_name == "Berta Alm"
        assert exchange.manager.explain("nobody", "200") is None
