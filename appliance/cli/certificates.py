"""`gosip certificate`: what is installed, putting one in, and what is really served."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.cli.common import moment, open_context, print_json, table, verb_options, yes_no
from appliance.cli.frame import REFUSED
from appliance.errors import CertificateError
from appliance.operations.certificates import (
    CertificateView,
    DeploymentView,
    UploadView,
    certificate_status,
    deploy,
    install_lineage,
    served,
    upload_certificate,
)

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def certificate() -> None:
    """The certificate of the admin page and of encrypted SIP."""


@certificate.command()
@verb_options
def show(data_dir: str | None, as_json: bool) -> None:
    """Show what is installed: names, issuer, dates, key, fingerprint.

    \b
    gosip certificate show
    gosip certificate show --json | jq '.certificates[].days_left'

    Exit codes: 0; 3 there is no system in the data folder.
    """
    status = certificate_status(open_context(data_dir))
    if as_json:
        print_json(status)
        return
    for number, view in enumerate(status.certificates):
        if number:
            click.echo()
        table(("", ""), lines_of(view))
    if not status.certificates:
        click.echo("No certificate is installed. `gosip up` makes one.")
    for trouble in status.troubles:
        click.echo(f"\n{trouble}", err=True)


def lines_of(view: CertificateView) -> list[tuple[str, str]]:
    return [
        ("Subject", view.subject),
        ("Issuer", view.issuer),
        ("Names", ", ".join(view.sans)),
        ("Valid from", moment(view.not_before)),
        ("Valid until", f"{moment(view.expiry)} ({view.days_left} days)"),
        ("Key", f"{view.key_type.upper()} {view.key_size}"),
        ("Serial", view.serial),
        ("SHA-256", view.fingerprint),
        ("Made by this machine", yes_no(view.local_root)),
    ]


@certificate.command()
@click.argument("chain", type=FILE)
@click.argument("key", type=FILE)
@click.option("--preview", is_flag=True, help="Only check it and say what would change.")
@verb_options
def upload(chain: Path, key: Path, preview: bool, data_dir: str | None, as_json: bool) -> None:
    """Install the certificate in the file CHAIN with the private key in the file KEY, both in PEM form.

    The chain may stand in any order and hold its root or certificates twice: that is repaired. Refused is what no phone
    could use: a key that does not fit, a missing issuer, dates that are over, a key with a password. Every port
    serves the new one when the command ends; connections that are open stay open.

    \b
    gosip certificate upload fullchain.pem privkey.pem --preview
    gosip certificate upload fullchain.pem privkey.pem

    Exit codes: 0 installed and served; 1 refused, or installed and a port does not serve it; 2 a file is not there.
    """
    view = upload_certificate(open_context(data_dir), text_of(chain), text_of(key), preview=preview)
    if as_json:
        print_json(view)
    else:
        tell_upload(view)
    leave(view.deployment)


def text_of(path: Path) -> str:
    # PEM is ASCII (RFC 7468 §2); what is not is refused as unreadable PEM and not as a fault of ours.
    return path.read_bytes().decode("ascii", errors="replace")


def tell_upload(view: UploadView) -> None:
    table(("", ""), lines_of(view.certificate))
    if view.replaces is not None:
        click.echo(f"\nIn place of {view.replaces.subject}, issued by {view.replaces.issuer}.")
    click.echo(f"Names gained: {', '.join(view.names_gained) or 'none'}")
    click.echo(f"Names lost: {', '.join(view.names_lost) or 'none'}")
    for text in (*view.repairs, *view.warnings):
        click.echo(text)
    if view.deployment is None:
        click.echo("Nothing was changed. Without --preview it is installed.")
    else:
        tell_deployment(view.deployment)


def tell_deployment(view: DeploymentView) -> None:
    click.echo(view.message, err=not view.succeeded)
    for check in view.checks:
        if check.ok is False and check.fix:
            click.echo(f"  {check.fix}", err=True)


def leave(view: DeploymentView | None) -> None:
    if view is not None and not view.succeeded:
        raise click.exceptions.Exit(REFUSED)


@certificate.command(name="deploy")
@click.option(
    "--lineage",
    type=click.Path(path_type=Path),
    envvar="RENEWED_LINEAGE",
    help="First install what certbot keeps in this folder; RENEWED_LINEAGE, as certbot's hooks get it.",
)
@verb_options
def deploy_(lineage: Path | None, data_dir: str | None, as_json: bool) -> None:
    """Give the installed certificate to every program, and see that each port serves it.

    No program restarts and no connection is cut. It may be repeated at any time; what it found is kept
    (/api/system/tls/deployments).

    \b
    gosip certificate deploy
    gosip certificate deploy --lineage /etc/letsencrypt/live/gosip.example.org

    Exit codes: 0 served; 1 refused, or a port does not serve it; 3 there is no system in the data folder.
    """
    context = open_context(data_dir)
    if lineage is not None:
        if not lineage.is_dir():
            raise CertificateError(f"There is no folder {lineage}. Name the one in certbot's live/.")
        install_lineage(context, lineage)
    view = deploy(context, "repair" if lineage is None else "hook")
    if as_json:
        print_json(view)
    else:
        tell_deployment(view)
    leave(view)


@certificate.command(name="served")
@verb_options
def served_(data_dir: str | None, as_json: bool) -> None:
    """Shake hands with every encrypted port and show what it serves, for each installed type of key.

    \b
    gosip certificate served

    Exit codes: 0; 3 there is no system in the data folder.
    """
    found = served(open_context(data_dir))
    if as_json:
        print_json({"items": found, "total": len(found)})
        return
    rows = (
        (
            entry.port,
            f"{entry.address} {entry.number}",
            entry.key_type,
            entry.subject or entry.trouble,
            moment(entry.expiry),
            entry.fingerprint[:16],
        )
        for entry in found
    )
    table(("PORT", "ADDRESS", "KEY", "CERTIFICATE", "UNTIL", "SHA-256"), rows)
