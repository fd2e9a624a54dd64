"""Tables and moments."""

from __future__ import annotations

import pytest

from appliance.cli.common import moment, plain, print_json, printable, table
from appliance.secret import Secret


def test_columns_are_as_wide_as_they_need_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    table(("A", "LONG"), (("wide cell", "x"), ("", "y")))
    assert capsys.readouterr().out == "A          LONG\nwide cell  x\n           y\n"


def test_an_empty_table_has_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    table(("A", "B"), ())
    assert capsys.readouterr().out == "A  B\n"


@pytest.mark.parametrize("sign", ["\x1b", "\x00", "\n", "\x9b", "\u202e", "\u2028"])
def test_signs_that_a_terminal_obeys_are_replaced(sign: str) -> None:
    assert printable(f"a{sign}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_names_with_accents_stay() -> None:
    assert printable("Zoë Müller 東京") == "Zoë Müller 東京"


def test_no_time_is_an_empty_cell() -> None:
    assert moment(None) == ""


def test_a_secret_is_not_printed_by_mistake() -> None:
    with pytest.raises(TypeError):
        print_json({"password": Secret("hunter2")})
    with pytest.raises(TypeError):
        plain(Secret("hunter2"))
