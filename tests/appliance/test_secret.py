"""A secret never prints itself."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import pytest

from appliance.secret import Secret

TEXT = "correct horse"


@dataclass
class Holder:
    password: Secret


@pytest.mark.parametrize(
    "shown",
    [
        repr(Secret(TEXT)),
        str(Secret(TEXT)),
        f"{Secret(TEXT)}",
        f"{Secret(TEXT):>40}",
        "%s %r" % (Secret(TEXT), Secret(TEXT)),  # noqa: UP031
        repr(Holder(Secret(TEXT))),
        repr([Secret(TEXT)]),
    ],
)
def test_no_way_of_printing_shows_it(shown: str) -> None:
    assert TEXT not in shown


def test_only_reveal_gives_it_away() -> None:
    assert Secret(TEXT).reveal() == TEXT


def test_secrets_compare_by_their_text() -> None:
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret("other")
    assert Secret(TEXT) != TEXT
    assert len({Secret(TEXT), Secret(TEXT)}) == 1


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")
    assert Secret(TEXT)


def test_it_is_not_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret(TEXT))


def test_it_has_no_attributes_to_look_into() -> None:
    with pytest.raises(TypeError):
        vars(Secret(TEXT))
