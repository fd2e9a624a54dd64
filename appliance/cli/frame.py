"""The frame around every verb: what goes wrong becomes one clear sentence on standard error, and an exit code.

Never a traceback. With `--json` the error is an object, also on standard error, so that standard output holds a result
or nothing:

    {"error": {"kind": "not_found", "message": "There is no device 201.", "details": []}}

`details` name the fields at fault of what was refused as `invalid`, each with its message.
"""

from __future__ import annotations

import contextlib
import errno
import json
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

import click

from appliance.cli.common import NothingHere
from appliance.control.errors import CallRefused, NotReachable
from appliance.database.transactions import speaking_errors
from appliance.errors import ApplianceError, Conflict, Forbidden, Invalid, NotFound, SettingError
from appliance.logs import redact
from appliance.operations.device_import import ImportRefused
from appliance.settings import Settings
from appliance.supervision.client import SupervisorUnreachable

REFUSED = 1
WRONG_USAGE = 2
NOT_REACHABLE = 3

AS_JSON = "gosip.as_json"
START_IT = "If GoSIP does not run, start it: gosip up"
FAULT = (
    "This should not have happened, and is a fault of GoSIP: {kind}{text}. Look into `gosip log`; with GOSIP_DEBUG=1 "
    "the same command shows where it went wrong. Please report it."
)

KINDS: tuple[tuple[type[Exception], str], ...] = (
    (NotReachable, "not_reachable"),
    (SupervisorUnreachable, "not_reachable"),
    (NothingHere, "nothing_here"),
    (NotFound, "not_found"),
    (Conflict, "conflict"),
    (Forbidden, "forbidden"),
    (Invalid, "invalid"),
    (CallRefused, "refused"),
    (SettingError, "setting"),
)
"""What programs tell errors apart by; the first that fits. All others are `failed`."""
NOTHING_RUNS = (NotReachable, SupervisorUnreachable, NothingHere)


class GosipCommand(click.Group):
    """The whole command."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        # From the arguments themselves: an error may come before the verb that has the option was even found.
        as_json = wants_json(args)
        with telling(as_json=as_json):
            context = super().make_context(info_name, args, parent, **extra)
        context.meta[AS_JSON] = as_json
        return context

    def invoke(self, context: click.Context) -> Any:
        with telling(as_json=context.meta[AS_JSON]):
            return super().invoke(context)


def wants_json(arguments: Sequence[str]) -> bool:
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


@contextlib.contextmanager
def telling(*, as_json: bool) -> Iterator[None]:
    """Whatever is raised inside is told here, and leaves as click's `Exit` with its code."""
    try:
        with speaking_errors():
            yield
    except click.ClickException as error:
        if not as_json:
            raise  # click's own words for wrong usage name the verb and its help
        tell_json(usage_error(error))
        raise click.exceptions.Exit(error.exit_code) from error
    except ApplianceError as error:
        if as_json:
            tell_json(error_object(error))
        else:
            tell(error_lines(error))
        raise click.exceptions.Exit(NOT_REACHABLE if isinstance(error, NOTHING_RUNS) else REFUSED) from error
    except (click.exceptions.Exit, click.Abort, EOFError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            raise  # the reader of our output has left, `gosip device list | head`: click ends quietly
        show_traceback(error)
        text = words_for(error)
        if as_json:
            tell_json({"kind": "failed", "message": text, "details": []})
        else:
            tell([text])
        raise click.exceptions.Exit(REFUSED) from error


def tell(lines: Sequence[str]) -> None:
    """The first is the sentence, the others are its details."""
    first, *details = lines
    click.echo("\n".join((f"gosip: {first}", *(f"  {line}" for line in details))), err=True)


def tell_json(error: dict[str, object]) -> None:
    click.echo(json.dumps({"error": error}, indent=2), err=True)


def error_object(error: ApplianceError) -> dict[str, object]:
    kind = next((name for group, name in KINDS if isinstance(error, group)), "failed")
    return {"kind": kind, "message": sentence(error), "details": list(details_of(error))}


def usage_error(error: click.ClickException) -> dict[str, object]:
    kind = "usage" if error.exit_code == WRONG_USAGE else "failed"
    return {"kind": kind, "message": error.format_message(), "details": []}


def details_of(error: ApplianceError) -> Iterator[dict[str, object]]:
    match error:
        case ImportRefused():
            for fault in error.faults:
                yield {"line": fault.line, "field": fault.field, "message": fault.message}
        case Invalid():
            for field, message in error.details.items():
                yield {"field": field, "message": message}
        case Conflict(field=str(field)):
            yield {"field": field, "message": str(error)}


def error_lines(error: ApplianceError) -> list[str]:
    lines = [sentence(error)]
    match error:
        case ImportRefused():
            lines += [str(fault) for fault in error.faults]
            if error.count > len(error.faults):
                lines.append(f"... and {error.count - len(error.faults)} more.")
        case Invalid() if len(error.details) > 1:
            lines = ["These values are not allowed:", *(f"{name}: {text}" for name, text in error.details.items())]
    return lines


def sentence(error: ApplianceError) -> str:
    text = str(error)
    return f"{text} {START_IT}" if isinstance(error, NotReachable | SupervisorUnreachable) else text


def words_for(error: Exception) -> str:
    """A sentence for what no part of ours has put into words."""
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename is not None else ""
        return f"{place}{error.strerror}. Check that the file exists and that this user may use it."
    if isinstance(error, UnicodeEncodeError):
        return "An argument is not UTF-8 text. Set the terminal to UTF-8 and type it again."
    text = redact(str(error)).strip().rstrip(".")
    return FAULT.format(kind=type(error).__name__, text=f", {text}" if text else "")


def show_traceback(error: Exception) -> None:
    """Where it went wrong, for those who asked for it."""
    try:
        wanted = Settings.from_environment().debug
    except ApplianceError:
        wanted = False
    if wanted:
        click.echo(redact("".join(traceback.format_exception(error))), err=True)
