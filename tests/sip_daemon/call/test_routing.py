"""Who is meant by what was dialled."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from sip_daemon.call.routing import (
    SERVICE_NUMBERS,
    CallAttempt,
    Reject,
    Ring,
    RoutePlan,
    Service,
    ServiceKind,
    explain,
    plan,
)
from sip_daemon.directory import Device, Directory, Extension


def device(username: str, extension: str) -> Device:
    return Device(1, username, extension, "", "0" * 32, "0" * 64)


DESK, KITCHEN, BERTA = device("anna", "100"), device("anna-kitchen", "100"), device("berta", "200")
DIRECTORY = Directory(
    revision=1,
    realm="gosip",
    domains=frozenset({"pbx.example"}),
    devices=MappingProxyType({d.username: d for d in (DESK, KITCHEN, BERTA)}),
    extensions=MappingProxyType(
        {
            "100": Extension(1, "100", "Anna Berg", ("anna", "anna-kitchen"), ring_seconds=25),
            "200": Extension(2, "200", "Berta", ("berta",)),
            "300": Extension(3, "300", "Carl", ("carl",), enabled=False),
            "400": Extension(4, "400", "Dora"),
        }
    ),
    names=MappingProxyType({"anna berg": "100", "anna-kitchen": "100", "berta": "200", "carl": "300"}),
)


def dial(dialled: str, caller: Device = BERTA) -> RoutePlan:
    return plan(DIRECTORY, CallAttempt(caller, dialled))


@pytest.mark.parametrize("dialled", ["100", "Anna Berg", "ANNA BERG", "anna-kitchen"])
def test_an_extension_is_dialled_by_number_by_owner_and_by_username(dialled: str) -> None:
    assert dial(dialled) == RoutePlan((Ring(("anna", "anna-kitchen"), 25),), "100", "Anna Berg")


def test_dialling_the_own_number_rings_the_other_phones_only() -> None:
    assert dial("100", caller=DESK).steps == (Ring(("anna-kitchen",), 25),)


def test_dialling_the_own_number_with_one_phone_is_busy() -> None:
    assert dial("200", caller=BERTA).steps == (Reject(486, "That is the calling phone itself"),)


@pytest.mark.parametrize(("dialled", "status"), [("", 484), ("999", 404), ("300", 480), ("carl", 480), ("400", 480)])
def test_what_cannot_be_rung_is_refused(dialled: str, status: int) -> None:
    (step,) = dial(dialled).steps
    assert isinstance(step, Reject)
    assert step.status == status


def test_a_phone_of_a_disabled_extension_may_not_call() -> None:
    (step,) = dial("100", caller=device("carl", "300")).steps
    assert step == Reject(403, "The calling extension is switched off")


@pytest.mark.parametrize(("dialled", "kind"), SERVICE_NUMBERS.items())
def test_the_test_numbers_are_answered_by_ourselves(dialled: str, kind: ServiceKind) -> None:
    assert dial(dialled).steps == (Service(kind),)


@pytest.mark.parametrize(
    ("dialled", "words"),
    [
        ("100", "Ring 100 Anna Berg on anna, anna-kitchen for 25 seconds"),
        ("*43", "Answer with: Echo test"),
        ("999", "Refuse with 404: No such number or name here"),
    ],
)
def test_a_plan_can_be_told_in_words(dialled: str, words: str) -> None:
    assert explain(dial(dialled)) == [words]
