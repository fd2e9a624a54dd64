"""Every verb explains itself, and has its section in docs/operator/commands.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from appliance.cli import main

PAGE = Path(__file__).parents[3] / "docs" / "operator" / "commands.md"
WITHOUT_JSON = {"up", "completion", "help"}
"""What prints no result."""
OF_THE_SYSTEM = {"up", "down", "status", "log"}
COMMON = {"--data-dir", "--json", "--help", "--version"}


def verbs(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from verbs(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


VERBS = dict(verbs(main))


def sections() -> dict[str, str]:
    """By verb."""
    parts = re.split(r"^## `gosip (.+)`$", PAGE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def option_names(command: click.Command) -> set[str]:
    return {
        max(parameter.opts, key=len) for parameter in command.params if isinstance(parameter, click.Option)
    } - COMMON


def test_the_page_has_a_section_for_every_verb_and_no_other() -> None:
    assert set(sections()) == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_the_page_names_every_option(verb: str) -> None:
    missing = {name for name in option_names(VERBS[verb]) if f"`{name}" not in sections()[verb]}
    assert not missing


@pytest.mark.parametrize("verb", sorted(set(VERBS) - WITHOUT_JSON))
def test_every_verb_speaks_json(verb: str) -> None:
    assert any("--json" in parameter.opts for parameter in VERBS[verb].params)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    result = CliRunner().invoke(main, [*verb.split(), "--help"], prog_name="gosip")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: gosip {verb}")
    assert all(parameter.help for parameter in VERBS[verb].params if isinstance(parameter, click.Option))


@pytest.mark.parametrize("verb", [name for name in VERBS if name not in OF_THE_SYSTEM])
def test_help_has_an_example_and_the_exit_codes(verb: str) -> None:
    text = VERBS[verb].help or ""
    assert f"gosip {verb}" in text
    assert "Exit codes: 0" in text


def test_the_command_names_its_version() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout.startswith("GoSIP ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell: str) -> None:
    assert "_GOSIP_COMPLETE" in CliRunner().invoke(main, ["completion", shell], prog_name="gosip").stdout


def test_completion_knows_the_verbs() -> None:
    environment = {"_GOSIP_COMPLETE": "bash_complete", "COMP_WORDS": "gosip device re", "COMP_CWORD": "2"}
    assert CliRunner().invoke(main, prog_name="gosip", env=environment).stdout == "plain,remove\n"


@pytest.mark.parametrize("verb", ["", "device", "device add"])
def test_help_as_a_verb_says_the_same_as_the_option(verb: str) -> None:
    by_verb = CliRunner().invoke(main, ["help", *verb.split()], prog_name="gosip")
    by_option = CliRunner().invoke(main, [*verb.split(), "--help"], prog_name="gosip")
    assert (by_verb.exit_code, by_verb.stdout) == (0, by_option.stdout)


@pytest.mark.parametrize("verb", ["nonsense", "device nonsense", "device add nonsense"])
def test_help_for_an_unknown_verb_is_wrong_usage(verb: str) -> None:
    result = CliRunner().invoke(main, ["help", *verb.split()], prog_name="gosip")
    assert (result.exit_code, f"There is no verb {verb}." in result.stderr) == (2, True)


def test_a_verb_is_found_under_the_name_that_it_has() -> None:
    assert {name: command.name for name, command in main.commands.items()} == {name: name for name in main.commands}
