"""`gosip completion`: completing verbs and options with the tab key."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that lets this SHELL complete verbs and options with the tab key.

    \b
    source <(gosip completion bash)
    gosip completion bash > /etc/bash_completion.d/gosip

    Exit codes: 0; 2 wrong usage.
    """
    root = context.find_root()
    found = get_completion_class(shell)
    if found is None:  # click knows all of SHELLS
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(found(root.command, {}, "gosip", "_GOSIP_COMPLETE").source())
