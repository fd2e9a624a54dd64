"""What all verbs share: the options, opening the system, printing tables and JSON, and saying what went wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import IO, Any, TypeVar

import click

from appliance.control.errors import NotReachable
from appliance.errors import ApplianceError, DataFolderError, Invalid
from appliance.operations.context import Appliance, Context
from appliance.settings import Settings
from appliance.supervision.client import SupervisorUnreachable

Function = TypeVar("Function", bound=Callable[..., Any])

REFUSED = 1
NOT_REACHABLE = 3
NOTHING_HERE = (
    "There is no GoSIP in {path} yet. Start it once with `gosip up`, or name another folder with --data-dir or "
    "GOSIP_DATA_DIR."
)


def data_dir_option(function: Function) -> Function:
    return click.option(
        "--data-dir", type=click.Path(file_okay=False), help="The data folder; GOSIP_DATA_DIR, else ./data."
    )(function)


def json_option(function: Function) -> Function:
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(function)


def open_context(data_dir: str | None) -> Context:
    """The system of that folder, as its owner. Raises `DataFolderError` when there is none."""
    settings = Settings.load(data_dir)
    if not settings.folder.database.exists():
        raise DataFolderError(NOTHING_HERE.format(path=settings.folder.path))
    return Context.of_command_line(Appliance.open(settings))


def print_json(value: object) -> None:
    click.echo(json.dumps(value, default=plain, indent=2, ensure_ascii=False))


def plain(value: object) -> object:
    """What json does not know. A `Secret` is not among them: whoever prints one has to reveal it."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not printed as JSON")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as they need to be, under a line of names; nothing but the names when there is no row."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def moment(seconds: float | None) -> str:
    """Unix seconds as local time."""
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


class Failure(click.ClickException):
    """An error of ours as one clear sentence on standard error."""

    exit_code = REFUSED

    def __init__(self, error: ApplianceError) -> None:
        super().__init__(str(error))
        self._details = error.details if isinstance(error, Invalid) else {}

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"gosip: {self.format_message()}", err=True, file=file)
        if self.message != " ".join(self._details.values()):
            for field, text in self._details.items():
                click.echo(f"  {field}: {text}", err=True, file=file)


class Unreachable(Failure):
    """The verb needs a running system."""

    exit_code = NOT_REACHABLE

    def format_message(self) -> str:
        return f"{self.message} If GoSIP does not run, start it: gosip up"


def failure_of(error: ApplianceError) -> Failure:
    """With the exit code that belongs to it."""
    is_unreachable = isinstance(error, NotReachable | SupervisorUnreachable)
    return Unreachable(error) if is_unreachable else Failure(error)
