"""The `gosip` command. Each verb has `--json` for programs and `--help` for people.

Exit codes are the same for all verbs: 0 done; 1 refused, with the reason; 2 wrong usage; 3 the system, or the part of
it that is needed, does not run. An error is one clear sentence on standard error and never a traceback.
"""

from __future__ import annotations

from typing import Any

import click

from appliance import __version__
from appliance.cli import calls, configuration, devices, people, system
from appliance.cli.common import NOT_REACHABLE, REFUSED, failure_of
from appliance.errors import ApplianceError

__all__ = ["NOT_REACHABLE", "REFUSED", "main"]


class GosipCommand(click.Group):
    """The whole command: turns our errors into a sentence and an exit code, and hands --data-dir down."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except ApplianceError as error:
            raise failure_of(error) from error


@click.group(cls=GosipCommand, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--data-dir", type=click.Path(file_okay=False), help="The data folder for any verb; GOSIP_DATA_DIR, else ./data."
)
@click.version_option(__version__, prog_name="GoSIP", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context, data_dir: str | None) -> None:
    """GoSIP, a self-hosted phone system.

    \b
    gosip up                            start everything, print the address of the admin page
    gosip device add 201 --name Ada     a phone, with a password made for it
    gosip status                        what runs
    gosip COMMAND --help                every verb, with examples and exit codes

    Exit codes: 0 done; 1 refused, with the reason; 2 wrong usage; 3 the system does not run.
    """
    if data_dir is not None:
        context.default_map = defaults(main, {"data_dir": data_dir})


def defaults(group: click.Group, values: dict[str, str]) -> dict[str, Any]:
    """The option of the whole command as the default of every verb below it."""
    return {
        name: defaults(command, values) if isinstance(command, click.Group) else values
        for name, command in group.commands.items()
    }


for command in (
    *system.COMMANDS,
    devices.device,
    people.admin,
    people.user,
    calls.call,
    calls.binding,
    configuration.config,
    configuration.audit,
    configuration.key,
):
    main.add_command(command)
