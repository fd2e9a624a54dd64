"""`gosip help`: what `--help` says, for those who expect a verb."""

from __future__ import annotations

import click


@click.command(name="help")
@click.argument("verb", nargs=-1)
@click.pass_context
def help_(context: click.Context, verb: tuple[str, ...]) -> None:
    """Explain the whole command, or one VERB.

    \b
    gosip help
    gosip help device add

    Exit codes: 0; 2 there is no such verb.
    """
    place = context.find_root()
    for name in verb:
        found = place.command.get_command(place, name) if isinstance(place.command, click.Group) else None
        if found is None:
            raise click.UsageError(f"There is no verb {' '.join(verb)}. `gosip help` lists them.")
        place = click.Context(found, info_name=name, parent=place)
    click.echo(place.get_help())
