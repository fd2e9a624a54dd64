"""The `gosip` command. Each verb has `--json` for programs and `--help` for people.

Exit codes are the same for all verbs: 0 done; 1 refused or failed, with the reason; 2 wrong usage; 3 the system, or the
part of it that is needed, does not run or is not there. An error is one clear sentence on standard error and never a
traceback (`appliance.cli.frame`).
"""

from __future__ import annotations

from typing import Any

import click

from appliance import __version__
from appliance.cli.frame import NOT_REACHABLE, REFUSED, WRONG_USAGE, GosipCommand
from appliance.cli.verbs import Verbs

__all__ = ["NOT_REACHABLE", "REFUSED", "WRONG_USAGE", "main"]

VERBS = {
    "up": "system.up",
    "down": "system.down",
    "status": "system.status",
    "log": "system.log",
    "device": "devices.device",
    "call": "calls.call",
    "binding": "bindings.binding",
    "ban": "bans.ban",
    "tls": "tls.tls",
    "trace": "trace.trace",
    "admin": "people.admin",
    "user": "people.user",
    "token": "tokens.token",
    "config": "configuration.config",
    "cloudflare": "cloudflare.cloudflare",
    "alarm": "alarms.alarm",
    "audit": "records.audit",
    "event": "records.event",
    "support-bundle": "support.support_bundle",
    "certificate": "certificates.certificate",
    "key": "keys.key",
    "completion": "completion.completion",
    "help": "help.help_",
}
"""Where each verb is, in `appliance.cli`."""


@click.group(
    cls=GosipCommand,
    commands=Verbs(VERBS),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
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

    Exit codes: 0 done; 1 refused or failed, with the reason; 2 wrong usage; 3 the system does not run.
    """
    verb = main.get_command(context, context.invoked_subcommand or "")
    if data_dir is not None and verb is not None and verb.name is not None:
        values = {"data_dir": data_dir}
        context.default_map = {verb.name: defaults(verb, values) if isinstance(verb, click.Group) else values}


def defaults(group: click.Group, values: dict[str, str]) -> dict[str, Any]:
    """The option of the whole command as the default of every verb below it."""
    return {
        name: defaults(command, values) if isinstance(command, click.Group) else values
        for name, command in group.commands.items()
    }
