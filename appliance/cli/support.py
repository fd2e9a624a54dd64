"""`gosip support-bundle`: what somebody who helps needs to see, in one file without secrets."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import click

from appliance.cli.common import open_context, print_json, verb_options
from appliance.errors import DatabaseError, OperationError, SecretBoxError
from appliance.operations.support_bundle import make_support_bundle
from appliance.settings import Settings
from appliance.support.archive import Bundle, build

EXISTS = "{path} is there already, and nothing was overwritten. Name another file with --output."
CANNOT_WRITE = "The bundle cannot be written to {path}: {reason}. Name another file with --output."
UNUSABLE = "Note: {reason} The bundle is made without it, and the audit log does not tell of it."


class NotWritten(OperationError):
    """The file could not be made."""


@click.command("support-bundle")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="The file to make.")
@click.option("--with-numbers", is_flag=True, help="Leave numbers and names as they are instead of masking them.")
@verb_options
def support_bundle(output: Path | None, with_numbers: bool, data_dir: str | None, as_json: bool) -> None:
    """Make one file for somebody who helps, without secrets.

    A .tar.gz with versions, settings, what runs and answers, the last log lines, events, calls and SIP messages, the
    state of the database and of the machine. Passwords, hashes, tokens and keys are not in it; numbers and names are
    masked, each by the same word everywhere. A README in it says more. Works while nothing runs, too.

    \b
    gosip support-bundle
    gosip support-bundle --output /tmp/bundle.tar.gz
    gosip support-bundle --with-numbers        when the numbers matter

    Exit codes: 0 made; 1 the file cannot be written; 3 there is no system in the data folder.
    """
    if output is not None and output.exists():
        raise NotWritten(EXISTS.format(path=output))
    bundle = make(data_dir, with_numbers=with_numbers)
    path = Path(bundle.name) if output is None else output
    write(path, bundle.data)
    if as_json:
        print_json(report(path, bundle))
    else:
        click.echo(f"{path} ({len(bundle.data) / 1024:.0f} KiB). Look through it before you give it away.")


def make(data_dir: str | None, *, with_numbers: bool) -> Bundle:
    try:
        context = open_context(data_dir)
    except (DatabaseError, SecretBoxError) as error:
        click.echo(UNUSABLE.format(reason=error), err=True)
        return build(Settings.load(data_dir), time.time(), with_numbers=with_numbers, tell=tell)
    return make_support_bundle(context, with_numbers=with_numbers, tell=tell)


def tell(name: str) -> None:
    click.echo(f"  {name}", err=True)


def write(path: Path, data: bytes) -> None:
    """For its owner only; complete under its name or not there at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.link(partial, path)
    except FileExistsError as error:
        raise NotWritten(EXISTS.format(path=path)) from error
    except OSError as error:
        raise NotWritten(CANNOT_WRITE.format(path=path, reason=error.strerror)) from error
    finally:
        partial.unlink(missing_ok=True)


def report(path: Path, bundle: Bundle) -> dict[str, Any]:
    return {
        "file": str(path),
        "bytes": len(bundle.data),
        "with_numbers": bundle.with_numbers,
        "parts": list(bundle.parts),
    }
