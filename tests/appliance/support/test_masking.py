"""Numbers and names in a support bundle: each masked by the same word, wherever it stands."""

from __future__ import annotations

import pytest

from appliance.support.masking import NoMask, Pseudonyms

INVITE = """\
INVITE sip:202@phones.example SIP/2.0
From: "Ada Lovelace" <sip:201@phones.example>;tag=1
To: Grace Hopper <sip:202@phones.example>
Contact: <sip:201@192.0.2.7:5060;transport=tcp>
CSeq: 201 INVITE
Authorization: Digest username="201", realm="phones.example"
Content-Type: application/sdp

v=0
o=201 1 1 IN IP4 192.0.2.7
s=Call of Ada"""


@pytest.fixture
def mask() -> Pseudonyms:
    return Pseudonyms(numbers=["201", "202", "ada.mobile"], names=["Ada Lovelace", "ada"])


def test_one_number_has_one_mask(mask: Pseudonyms) -> None:
    assert mask.number("201") == mask.number("201") != mask.number("202")
    assert mask.text("201 calls 202") == f"{mask.number('201')} calls {mask.number('202')}"


def test_a_mask_is_not_masked_again(mask: Pseudonyms) -> None:
    once = mask.text("201 registered contact=sip:201@192.0.2.7")
    assert mask.text(once) == once == "number-1 registered contact=sip:number-1@192.0.2.7"


def test_names_of_several_words_and_user_names_with_dots_are_found(mask: Pseudonyms) -> None:
    assert mask.text("Ada Lovelace has ada.mobile; ada signs in") == "name-1 has number-1; name-2 signs in"


def test_a_part_of_a_word_is_no_number(mask: Pseudonyms) -> None:
    assert mask.text("2010 x201 201x adam") == "2010 x201 201x adam"


def test_addresses_ports_and_moments_stay(mask: Pseudonyms) -> None:
    text = "2026-11-24T08:20:20.201Z listens on 192.0.2.201:5060 and [2001:db8::201]:201"
    assert mask.text(text) == text


def test_a_sip_message_is_masked_where_numbers_and_names_stand(mask: Pseudonyms) -> None:
    shown = mask.message(INVITE)
    for secret in ("Ada", "Lovelace", "Grace", "sip:201", "sip:202", '"201"', "o=201"):
        assert secret not in shown
    assert "CSeq: 201 INVITE" in shown
    assert "phones.example" in shown
    assert "192.0.2.7:5060" in shown


def test_the_host_of_a_uri_without_a_user_stays(mask: Pseudonyms) -> None:
    assert mask.message("REGISTER sip:phones.example SIP/2.0") == "REGISTER sip:phones.example SIP/2.0"


def test_a_number_that_nobody_knows_is_masked_in_a_uri(mask: Pseudonyms) -> None:
    assert mask.text("no route to tel:+15551234 or sip:stranger@192.0.2.1") == (
        "no route to tel:number-1 or sip:number-2@192.0.2.1"
    )


def test_star_codes_belong_to_services_and_stay(mask: Pseudonyms) -> None:
    assert mask.number("*43") == "*43"
    assert mask.text("sip:*43@phones.example") == "sip:*43@phones.example"


def test_without_a_mask_all_stays() -> None:
    assert NoMask().message(INVITE) == INVITE
