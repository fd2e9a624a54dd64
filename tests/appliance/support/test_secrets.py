"""Known secrets are found in any text and in any form."""

from __future__ import annotations

import base64
import hashlib
import json
from urllib.parse import quote

import pytest

from appliance.database.models import ALL
from appliance.support.secrets import GRAM, SEALED, WINDOW, KnownSecrets

SECRET = 'p"ä/ss\\wörd+1'
TOKEN = "gosip_Zm9vYmFyYmF6cXV4Zm9vYmFy"


@pytest.fixture
def known() -> KnownSecrets:
    return KnownSecrets([SECRET.encode(), b"\x00\xff" * 16], [hashlib.sha256(TOKEN.encode()).hexdigest()])


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        quote(SECRET, safe=""),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        (b"\x00\xff" * 16).hex(),
    ],
)
def test_a_secret_is_found_in_each_form(known: KnownSecrets, form: str) -> None:
    shown = known.blank(f"before {form} after")
    assert form.rstrip("=") not in shown
    assert shown.startswith("before ***")


@pytest.mark.parametrize("user", ["", "a", "ab", "abc"])
def test_a_secret_is_found_inside_a_longer_base64_text(known: KnownSecrets, user: str) -> None:
    text = base64.b64encode(f"{user}{SECRET}xyz".encode()).decode()
    inner = base64.b64encode(f"{user}{SECRET}".encode()).decode()[4:-4]
    assert inner in text
    assert inner not in known.blank(text)


@pytest.mark.parametrize("at", [0, WINDOW - GRAM, WINDOW - 1, WINDOW, WINDOW + 1])
def test_a_secret_is_found_wherever_it_begins(known: KnownSecrets, at: int) -> None:
    assert known.blank("." * at + SECRET + ".") == "." * at + "***."


@pytest.mark.parametrize(
    "form",
    [TOKEN, TOKEN.encode().hex(), base64.b64encode(TOKEN.encode()).decode()],
)
def test_a_token_of_which_only_the_hash_is_known_is_found(known: KnownSecrets, form: str) -> None:
    assert form not in known.blank(f"token {form}.")


def test_other_texts_stay(known: KnownSecrets) -> None:
    text = 'gosip_Zm9vYmFyYmF6cXV4Zm9vYmFz is not the token, and p"ä/ss is not the password'
    assert known.blank(text) == text


def test_every_sealed_column_can_be_opened_to_be_searched_for() -> None:
    """Answers that are kept to be repeated are no secrets themselves; those in them are known from elsewhere."""
    sealed = {
        (table._meta.table_name, name)
        for table in ALL
        for name in table._meta.columns
        if name.startswith("sealed_") or name.endswith("_sealed")
    }
    assert sealed - SEALED.keys() == {("idempotency", "sealed_answer")}
