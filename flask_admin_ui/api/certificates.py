"""The certificate of every encrypted port: what is installed, putting one in, what is served; for administrators."""

from __future__ import annotations

from typing import Any, Literal

from flask import Blueprint
from pydantic import Field

from appliance.operations import certificates
from appliance.operations.certificates import MAX_PEM
from flask_admin_ui.api.lists import PageQuery, listed, part_of
from flask_admin_ui.api.operation import operation
from flask_admin_ui.security.access import context
from flask_admin_ui.shapes import CheckResult, Free, Input, Listing, Moment, Output

blueprint = Blueprint("api_certificates", __name__, url_prefix="/api/system/tls")

KeyType = Literal["rsa", "ecdsa"]


class Certificate(Output):
    """An installed certificate."""

    key_type: KeyType
    key_size: int
    subject: str
    issuer: str
    sans: list[str] = Field(description="Host names and addresses that it is for.")
    not_before: Moment
    expiry: Moment
    days_left: int = Field(description="Negative when it is over.")
    serial: str
    fingerprint: str = Field(description="SHA-256 of the certificate, hexadecimal.")
    self_signed: bool
    local_root: bool = Field(description="Made by this machine: clients warn unless they trust its root.")
    chain: list[str] = Field(description="The issuers that are sent along.")


class Certificates(Output):
    certificates: list[Certificate] = Field(description="One for each type of key.")
    troubles: list[str] = Field(description="For a person: expired, damaged, not for the SIP domain.")


class DeploymentRow(Output):
    """The programs were given the certificate, and every port was asked what it serves."""

    id: int
    at: Moment
    source: str
    succeeded: bool
    fingerprints: Free
    checks: list[CheckResult]
    message: str


class NewCertificate(Input):
    """A certificate with its key, in PEM form."""

    chain_pem: str = Field(max_length=MAX_PEM, description="The certificate and its issuers, in any order.")
    key_pem: str = Field(max_length=MAX_PEM, description="The private key, without a password.")
    preview: bool = Field(False, description="Only check it and say what would change.")


class Upload(Output):
    """What changes, or would change."""

    installed: bool
    certificate: Certificate
    names_gained: list[str]
    names_lost: list[str]
    replaces: Certificate | None
    repairs: list[str] = Field(description="What was done to the chain.")
    warnings: list[str]
    deployment: DeploymentRow | None


class ServedRow(Output):
    """What a port showed to a client that wanted this type of key."""

    port: str
    address: str
    number: int
    key_type: KeyType
    fingerprint: str = Field(description="Empty where nothing was shown.")
    subject: str
    issuer: str
    sans: list[str]
    expiry: Moment | None
    trouble: str


@blueprint.get("/certificate")
@operation("Show the certificate", gives=Certificates, admin=True)
def show() -> Any:
    return certificates.certificate_status(context())


@blueprint.post("/certificate")
@operation("Install a certificate", takes=NewCertificate, gives=Upload, admin=True)
def upload(body: NewCertificate) -> Any:
    """The chain is put in order; 422 with the reason where no phone could use it. Open connections stay open."""
    return certificates.upload_certificate(context(), body.chain_pem, body.key_pem, preview=body.preview)


@blueprint.get("/deployments")
@operation("List when certificates were given to the ports", query=PageQuery, gives=Listing[DeploymentRow], admin=True)
def deployments(query: PageQuery) -> Any:
    """Newest first."""
    return listed(certificates.list_deployments(context(), query.wanted))


@blueprint.get("/served")
@operation("Show what each port serves", query=PageQuery, gives=Listing[ServedRow], admin=True)
def served(query: PageQuery) -> Any:
    """A handshake with every encrypted port, now: it may take seconds."""
    return part_of(certificates.served(context()), query)
