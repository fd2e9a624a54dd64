"""`gosip tls`: SIP over TLS as it is served now."""

from __future__ import annotations

from collections.abc import Iterator

import click

from appliance.cli.common import moment, open_context, print_json, verb_options
from appliance.operations.tls import TlsState, tls_state


@click.group()
def tls() -> None:
    """SIP over TLS: what is served, by which rules, and who could not connect."""


@tls.command()
@verb_options
@click.pass_context
def status(context: click.Context, data_dir: str | None, as_json: bool) -> None:
    """Show the encrypted listeners, the certificates that new connections get, the rules, and the last failures.

    A failure has its reason in words: a phone that can do nothing newer than TLS 1.0, one that offers no suite of ours,
    one that does not trust the certificate. TLS is switched on by: gosip config set tls_enabled true

    \b
    gosip tls status
    gosip tls status --json | jq -r '.failures[] | [.source, .reason] | @tsv'

    Exit codes: 0; 1 it is switched on and does not work as the settings say; 3 the system does not run.
    """
    state = tls_state(open_context(data_dir))
    if as_json:
        print_json(state)
    else:
        for line in lines(state):
            click.echo(line)
    context.exit(1 if state.enabled and state.troubles else 0)


def lines(state: TlsState) -> Iterator[str]:
    if not state.enabled:
        yield "SIP over TLS is switched off (gosip config set tls_enabled true)."
        return
    for one in state.listeners:
        yield f"{one.transport} {one.address}:{one.port} {one.state}"
    for certificate in state.certificates:
        yield f"{certificate.key_type.upper()} certificate for {', '.join(certificate.names)}"
        yield f"  until {moment(certificate.not_after)}, SHA-256 {certificate.fingerprint}"
    authorities = f" (authorities: {', '.join(state.ca_files)})" if state.ca_files else ""
    yield (
        f"TLS {state.min_version} and later, {state.ciphers} suites, client certificates: {state.client_auth}"
        + authorities
    )
    yield from (f"Trouble: {trouble}" for trouble in state.troubles)
    for failure in state.failures:
        who = f"{failure.source} could not connect to port {failure.port}"
        times = f" ({failure.count} times)" if failure.count > 1 else ""
        yield f"{moment(failure.at)}  {who}{times}: {failure.reason}"
