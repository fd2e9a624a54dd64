"""Requests that must not happen twice (draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from appliance.database.models import Idempotency, User
from appliance.operations import idempotency
from appliance.operations.idempotency import (
    Claim,
    KeyReused,
    StillRunning,
    TooManyKeys,
    claim_key,
    give_up,
    keep_answer,
)
from appliance.secret import Secret
from tests.support.appliance import Office


@pytest.fixture
def grace(office: Office) -> int:
    found = office.person("grace").actor.user_id
    assert found is not None
    return found


def claimed(office: Office, user: int, key: str = "k", fingerprint: str = "f") -> Claim:
    claim = claim_key(office.appliance, user, key, fingerprint)
    assert isinstance(claim, Claim)
    return claim


def test_the_same_request_gets_the_same_answer(office: Office, grace: int) -> None:
    keep_answer(office.appliance, claimed(office, grace), Secret("the answer"))
    assert claim_key(office.appliance, grace, "k", "f") == Secret("the answer")


def test_another_request_with_that_key_is_refused(office: Office, grace: int) -> None:
    """§2.7 of the draft."""
    keep_answer(office.appliance, claimed(office, grace), Secret("the answer"))
    with pytest.raises(KeyReused):
        claim_key(office.appliance, grace, "k", "another")


def test_a_key_counts_for_its_user_alone(office: Office, grace: int) -> None:
    keep_answer(office.appliance, claimed(office, grace), Secret("the answer"))
    hedy = office.person("hedy").actor.user_id
    assert hedy is not None
    assert isinstance(claim_key(office.appliance, hedy, "k", "f"), Claim)


def test_while_the_first_is_carried_out_the_second_waits(office: Office, grace: int) -> None:
    claimed(office, grace)
    with pytest.raises(StillRunning, match="in a moment"):
        claim_key(office.appliance, grace, "k", "f")


def test_what_was_broken_off_is_never_done_twice(office: Office, grace: int) -> None:
    """Whether it took effect is not known, so a person has to look."""
    claimed(office, grace)
    office.clock.advance(idempotency.BROKEN_OFF_SECONDS)
    with pytest.raises(StillRunning, match="nobody knows"):
        claim_key(office.appliance, grace, "k", "f")


def test_a_refused_request_leaves_its_key_free(office: Office, grace: int) -> None:
    give_up(claimed(office, grace))
    assert claimed(office, grace, fingerprint="corrected")


def test_answers_are_kept_for_a_day(office: Office, grace: int) -> None:
    keep_answer(office.appliance, claimed(office, grace), Secret("the answer"))
    office.clock.advance(idempotency.KEEP_SECONDS)
    assert claim_key(office.appliance, grace, "k", "f") == Secret("the answer")
    office.clock.advance(1)
    assert claimed(office, grace)
    assert Idempotency.select().count() == 1


def test_an_answer_lies_sealed(office: Office, grace: int) -> None:
    """It may hold the password of a phone, which is shown once."""
    keep_answer(office.appliance, claimed(office, grace), Secret("xyzzy-the-password"))
    assert b"xyzzy" not in bytes(Idempotency.get().sealed_answer or b"")


def test_keys_of_one_user_are_bounded(office: Office, grace: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "MAX_KEYS", 3)
    for number in range(3):
        claimed(office, grace, key=str(number))
    with pytest.raises(TooManyKeys):
        claim_key(office.appliance, grace, "one more", "f")


def test_of_two_processes_one_carries_it_out(office: Office, grace: int) -> None:
    path = office.appliance.folder.path
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        for key in ("a", "b", "c", "d"):
            outcomes = pool.starmap(race, [(path, key)] * 2, chunksize=1)
            assert sorted(outcomes) == ["Claim", "StillRunning"]
    assert User.select().count() == 1


def race(path: Path, key: str) -> str:
    """In a process of its own: what became of the attempt."""
    office: Any = Office.at(path)
    try:
        return type(claim_key(office.appliance, User.get(User.name == "grace").id, key, "f")).__name__
    except StillRunning as error:
        return type(error).__name__
