"""Passwords of people and of devices."""

from __future__ import annotations

import hashlib

from appliance.passwords import (
    ALPHABET,
    NOBODY,
    generate_password,
    ha1_md5,
    ha1_sha256,
    hash_password,
    needs_rehash,
    verify_password,
)
from appliance.secret import Secret


def test_a_hash_verifies_its_password_and_no_other() -> None:
    stored = hash_password(Secret("correct horse"))
    assert verify_password(stored, Secret("correct horse"))
    assert not verify_password(stored, Secret("correct hors"))


def test_the_hash_is_argon2id_and_salted() -> None:
    first, second = hash_password(Secret("a")), hash_password(Secret("a"))
    assert first.startswith("$argon2id$")
    assert first != second


def test_nobody_has_no_password() -> None:
    assert not verify_password(None, Secret(""))


def test_an_unknown_user_costs_the_same_hash_as_a_known_one() -> None:
    assert not needs_rehash(NOBODY)


def test_a_damaged_hash_verifies_nothing() -> None:
    assert not verify_password("nonsense", Secret("a"))


def test_ha1_is_that_of_the_rfc_2617_and_rfc_7616_examples() -> None:
    assert ha1_md5("Mufasa", "testrealm@host.com", Secret("Circle Of Life")) == "939e7578ed9e3c518a452acee763bce9"
    expected = hashlib.sha256(b"Mufasa:http-auth@example.org:Circle of Life").hexdigest()
    assert ha1_sha256("Mufasa", "http-auth@example.org", Secret("Circle of Life")) == expected


def test_generated_passwords_are_strong_differ_and_have_no_look_alikes() -> None:
    passwords = {generate_password().reveal() for _ in range(200)}
    assert len(passwords) == 200
    assert all(len(text) == 20 for text in passwords)
    assert not set("0Oo1lI2Z5S8B") & set(ALPHABET)
    assert len(set(ALPHABET)) == len(ALPHABET)
