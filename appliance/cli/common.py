"""What the verbs share: their options, opening the system of a data folder, and printing tables and JSON.

What is printed may come from a stranger's phone (names, user agents): a table never lets a control character through to
the terminal, and JSON escapes all that is not ASCII.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, TypeVar

import click

from appliance.errors import DataFolderError
from appliance.operations.context import Appliance, Context
from appliance.operations.paging import DEFAULT_SIZE, MAX_SIZE, Page
from appliance.secret import Secret
from appliance.settings import Settings

Function = TypeVar("Function", bound=Callable[..., Any])

MAX_PAGE = 1_000_000
NOTHING_HERE = (
    "There is no GoSIP in {path} yet: run `gosip up` first, or name another folder with --data-dir or GOSIP_DATA_DIR."
)
CANNOT_MAKE = "The data folder {path} cannot be made: {reason}. Choose another one with --data-dir."
MAX_LINE_BYTES = 4096
"""Far above the longest password that is allowed: the check of its length says what is."""
NOT_TEXT = "The {what} on standard input is not UTF-8 text."
NO_PASSWORD = "--password-stdin was given, but there is no password on standard input."  # noqa: S105 - a message


class NothingHere(DataFolderError):
    """The data folder holds no system."""


def verb_options(function: Function) -> Function:
    """`--data-dir` and `--json`, which every verb has."""
    folder = click.option(
        "--data-dir", type=click.Path(file_okay=False), help="The data folder; GOSIP_DATA_DIR, else ./data."
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
    return folder(as_json(function))


def page_options(function: Function) -> Function:
    """`--limit` and `--page`, for a list that may be long."""
    limit = click.option(
        "--limit", type=click.IntRange(1, MAX_SIZE), default=DEFAULT_SIZE, show_default=True, help="Rows a page."
    )
    page = click.option("--page", type=click.IntRange(1, MAX_PAGE), default=1, show_default=True, help="Which page.")
    return limit(page(function))


def password_option(function: Function) -> Function:
    """`--password-stdin`: a password is never an argument, where every user of the machine could read it."""
    return click.option(
        "--password-stdin", is_flag=True, help="Read the password from standard input; otherwise one is made."
    )(function)


def read_password() -> Secret:
    """The first line of standard input, without its end."""
    return read_secret("password", NO_PASSWORD)


def read_secret(what: str, missing: str) -> Secret:
    """The same for another secret; `missing` is said when there is none."""
    line = sys.stdin.buffer.readline(MAX_LINE_BYTES)
    try:
        text = line.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise click.UsageError(NOT_TEXT.format(what=what)) from error
    if not text:
        raise click.UsageError(missing)
    return Secret(text)


def open_context(data_dir: str | None) -> Context:
    """The system of that folder, as its owner, whether it runs or not. Raises `NothingHere`."""
    settings = Settings.load(data_dir)
    if not settings.folder.database.exists():
        raise NothingHere(NOTHING_HERE.format(path=settings.folder.path))
    return Context.of_command_line(Appliance.open(settings))


def open_or_make_context(data_dir: str | None) -> Context:
    """The same for verbs that prepare a system before its first start: folder, key and database are made."""
    settings = Settings.load(data_dir)
    folder = settings.folder
    if not folder.database.exists():
        try:
            folder.create()
        except OSError as error:
            raise DataFolderError(CANNOT_MAKE.format(path=folder.path, reason=error.strerror)) from error
        click.echo(f"Note: {folder.path} is a new data folder.", err=True)
    return Context.of_command_line(Appliance.open(settings))


def is_interactive() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def print_json(value: object) -> None:
    click.echo(json.dumps(value, default=plain, indent=2))


def plain(value: object) -> object:
    """What json does not know. A `Secret` is not among them: whoever prints one has to reveal it."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not printed as JSON")


def page_json(page: Page[Any], items: Sequence[object] | None = None) -> dict[str, object]:
    """A page as all lists have it."""
    rows = list(page.rows if items is None else items)
    return {"items": rows, "total": page.total, "page": page.number, "size": page.size}


def page_hint(page: Page[Any]) -> None:
    """How to see the rest, where there is more."""
    if (page.number - 1) * page.size + len(page.rows) < page.total:
        click.echo(f"Page {page.number}, {page.total} rows in all; --page {page.number + 1} shows more.", err=True)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as they need to be, under a line of names; nothing but the names when there is no row."""
    lines = [tuple(head), *(tuple(printable(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def printable(text: str) -> str:
    """Without anything that a terminal would obey instead of showing it."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def yes_no(value: bool) -> str:
    return "yes" if value else "no"


def moment(seconds: float | None) -> str:
    """Unix seconds as local time."""
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
