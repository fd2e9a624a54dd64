"""The certificates that serve: what is installed, putting one in, giving it to the programs, what ports really serve.

certificate_status   what is installed, for each type of key
upload_certificate   check, repair, install, deploy; or only say what would change
deploy               tell the programs, then shake hands with every port until it serves what is installed
served               what each port serves now
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from appliance.certificates.bundle import Bundle, load, title
from appliance.certificates.deployment import (
    Port,
    Served,
    installed,
    look,
    reload_nginx,
    utc,
    write_nginx_pairs,
)
from appliance.certificates.repair import load_repaired
from appliance.certificates.selfsigned import LocalRoot, ensure_root, is_from_elsewhere, readable
from appliance.certificates.store import CHAIN, KEY, KEY_TYPES, CertificateStore
from appliance.checks import Check
from appliance.control.errors import CallRefused, ControlError, NotReachable
from appliance.database.models import Deployment
from appliance.errors import CertificateError, Invalid
from appliance.operations.audit import note
from appliance.operations.change import change
from appliance.operations.configuration import current_settings
from appliance.operations.context import Context
from appliance.operations.events import record_event
from appliance.operations.live import daemon
from appliance.operations.paging import FIRST_PAGE, Page, PageRequest, paged
from appliance.operations.tls import tls_state
from appliance.settings import Settings

DAY = 86_400.0
DEADLINE_SECONDS = 10.0
POLL_SECONDS = 0.2
MAX_PEM = 64 * 1024
TOO_LONG = f"At most {MAX_PEM // 1024} KiB."
EXPIRED = (
    "The certificate of {title} expired on {day}: browsers and phones refuse it. Upload a new one "
    "(`gosip certificate upload`)."
)
NONE_INSTALLED = "No certificate is installed. `gosip up` makes one, `gosip certificate upload` takes yours."


@dataclass(frozen=True, slots=True)
class CertificateView:
    """One installed certificate. Times in Unix seconds."""

    key_type: str
    """rsa or ecdsa."""
    key_size: int
    subject: str
    issuer: str
    sans: tuple[str, ...]
    not_before: float
    expiry: float
    days_left: int
    """Negative when it is over."""
    serial: str
    fingerprint: str
    """SHA-256, hexadecimal."""
    self_signed: bool
    local_root: bool
    """Made by this machine: browsers and phones warn unless they trust `certs/root/root.pem`."""
    chain: tuple[str, ...]
    """The issuers that are sent along."""


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    certificates: tuple[CertificateView, ...]
    troubles: tuple[str, ...]
    """What a person should know: expired, damaged, not for the name that phones use."""


@dataclass(frozen=True, slots=True)
class UploadView:
    """What an upload changes, or would change."""

    installed: bool
    certificate: CertificateView
    names_gained: tuple[str, ...]
    names_lost: tuple[str, ...]
    replaces: CertificateView | None
    repairs: tuple[str, ...]
    warnings: tuple[str, ...]
    deployment: DeploymentView | None


@dataclass(frozen=True, slots=True)
class DeploymentView:
    id: int
    at: float
    source: str
    succeeded: bool
    fingerprints: Mapping[str, str]
    checks: tuple[Check, ...]
    message: str


def certificate_status(context: Context) -> CertificateStatus:
    """For administrators."""
    context.require_admin()
    store, root = store_and_root(context)
    domain = current_settings(context).sip_domain
    views, troubles = [], []
    for key_type in KEY_TYPES:
        try:
            bundle = store.load_current(key_type, now=None)
        except CertificateError as error:
            troubles.append(f"The {key_type.upper()} certificate cannot be used: {error}")
            continue
        if bundle is not None:
            views.append(view_of(bundle, root, context.now))
            troubles += [*expiry_trouble(bundle, context.now), *name_warnings(bundle, domain)]
    return CertificateStatus(tuple(views), tuple(troubles))


def expiry_trouble(bundle: Bundle, now: float) -> list[str]:
    """The sentence that it is over, if it is."""
    if bundle.not_after >= utc(now):
        return []
    return [EXPIRED.format(title=title(bundle.leaf), day=f"{bundle.not_after:%Y-%m-%d}")]


def tell_of_expired(context: Context) -> None:
    """At each start, an event for each installed certificate that is over: it is served all the same."""
    store, _ = store_and_root(context)
    for key_type in KEY_TYPES:
        bundle = readable(store, key_type)
        if bundle is None:
            continue
        for trouble in expiry_trouble(bundle, context.now):
            record_event(
                context.appliance.folder.database,
                severity="error",
                source="certificates",
                kind="certificate.expired",
                message=trouble,
                detail={"key_type": key_type, "fingerprint": bundle.fingerprint},
            )


def name_warnings(bundle: Bundle, domain: str) -> list[str]:
    """What phones that look for the SIP domain will not like."""
    if "." not in domain or bundle.covers(domain):
        return []
    names = ", ".join(bundle.names) or "nobody"
    return [f"It is not for {domain}, the SIP domain; it names {names}. A phone that checks the name will not connect."]


def view_of(bundle: Bundle, root: LocalRoot, now: float) -> CertificateView:
    leaf, key = bundle.leaf, bundle.key
    expiry = bundle.not_after.timestamp()
    return CertificateView(
        key_type=bundle.key_type,
        key_size=key.key_size if isinstance(key, RSAPrivateKey) else key.curve.key_size,
        subject=title(leaf),
        issuer=leaf.issuer.rfc4514_string(),
        sans=bundle.names,
        not_before=bundle.not_before.timestamp(),
        expiry=expiry,
        days_left=int((expiry - now) // DAY),
        serial=f"{leaf.serial_number:x}",
        fingerprint=bundle.fingerprint,
        self_signed=leaf.subject == leaf.issuer,
        local_root=leaf.issuer == root.certificate.subject,
        chain=tuple(title(one) for one in bundle.chain[1:]),
    )


def upload_certificate(context: Context, chain_pem: str, key_pem: str, *, preview: bool = False) -> UploadView:
    """Install this pair and give it to every program; `preview` only says what that would change.

    Raises `Invalid` with the reason, naming `key_pem` or `chain_pem`; nothing was changed then.
    """
    context.require_admin()
    errors = {name: TOO_LONG for name, text in (("chain_pem", chain_pem), ("key_pem", key_pem)) if len(text) > MAX_PEM}
    if errors:
        raise Invalid(errors)
    try:
        repaired = load_repaired(chain_pem.encode(), key_pem.encode(), now=utc(context.now))
    except CertificateError as error:
        raise Invalid({"key_pem" if "private key" in str(error) else "chain_pem": str(error)}) from error
    bundle = repaired.bundle
    store, root = store_and_root(context)
    before = served_instead_of(store, root, bundle)
    deployment = None
    if not preview:
        install(context, bundle)
        note(
            context,
            "certificate.upload",
            title(bundle.leaf),
            key_type=bundle.key_type,
            fingerprint=bundle.fingerprint,
            names=list(bundle.names),
        )
        deployment = deploy(context, "upload")
    old = before.names if before is not None else ()
    return UploadView(
        installed=not preview,
        certificate=view_of(bundle, root, context.now),
        names_gained=tuple(name for name in bundle.names if name not in old),
        names_lost=tuple(name for name in old if name not in bundle.names),
        replaces=view_of(before, root, context.now) if before is not None else None,
        repairs=repaired.repairs,
        warnings=(*repaired.warnings, *name_warnings(bundle, current_settings(context).sip_domain)),
        deployment=deployment,
    )


def served_instead_of(store: CertificateStore, root: LocalRoot, bundle: Bundle) -> Bundle | None:
    """What goes when this bundle comes: that of its type, or this machine's own of the other type."""
    return readable(store, bundle.key_type) or next(own_of_another_type(store, root, bundle), None)


def own_of_another_type(store: CertificateStore, root: LocalRoot, bundle: Bundle) -> Iterator[Bundle]:
    """What this machine made for itself, with another type of key than that of `bundle`."""
    for key_type in KEY_TYPES:
        other = readable(store, key_type) if key_type != bundle.key_type else None
        if other is not None and not is_from_elsewhere(other, root):
            yield other


def install(context: Context, bundle: Bundle) -> None:
    """Make a checked bundle the current one of its type, beside one of the other type unless that is only our own.

    A client chooses the type: next to a real certificate one that nobody trusts would be an accident waiting.
    """
    store, root = store_and_root(context)
    try:
        store.install(bundle, now=utc(context.now))
    except CertificateError as error:
        raise Invalid({"chain_pem": str(error)}) from error
    if not is_from_elsewhere(bundle, root):
        return
    for own in own_of_another_type(store, root, bundle):
        store.withdraw(own.key_type)


def install_lineage(context: Context, folder: Path) -> Bundle:
    """Install what certbot keeps in a folder of `live/`, after checking it. Raises `CertificateError` or `Invalid`."""
    context.require_admin()
    try:
        chain, key = (folder / CHAIN).read_bytes(), (folder / KEY).read_bytes()
    except OSError as error:
        raise CertificateError(
            f"The folder {folder} holds no certificate that can be read ({error.filename}: {error.strerror}). It must "
            f"have {CHAIN} and {KEY}."
        ) from error
    bundle = load(chain, key, now=utc(context.now))
    install(context, bundle)
    note(context, "certificate.install", title(bundle.leaf), fingerprint=bundle.fingerprint, lineage=folder.name)
    return bundle


def deploy(context: Context, source: str, *, seconds: float = DEADLINE_SECONDS) -> DeploymentView:
    """Give what is installed to `sip` and nginx, and ask every port until it serves that or `seconds` have passed.

    What does not run has nothing to take: it reads the certificate when it starts. Raises `CertificateError` where
    what is installed is damaged.
    """
    context.require_admin()
    folder = context.appliance.folder
    wanted = installed(CertificateStore(folder.certificates))
    if not wanted:
        raise CertificateError(NONE_INSTALLED)
    settings = current_settings(context)
    write_nginx_pairs(folder)
    checks = [*tell_sip(context), tell_nginx(context)]
    is_running = any(check.ok is not None for check in checks)
    ports = all_ports(context, settings, admin_page=checks[-1].ok is not None)
    checks += prove(ports, wanted, settings.sip_domain, seconds)
    succeeded = all(check.ok is not False for check in checks)
    if not succeeded:
        message = " ".join(check.why for check in checks if check.ok is False)
    elif not is_running:
        message = "The certificate is installed. GoSIP does not run; it will serve it when it starts."
    else:
        message = f"The certificate is installed and served by {', '.join(port.name for port in ports)}."
    return written(context, source, wanted, tuple(checks), message, succeeded=succeeded)


def tell_sip(context: Context) -> list[Check]:
    """Nothing where the phone system has no TLS to serve it on."""
    try:
        if not tls_state(context).enabled:
            return []
        daemon(context).call("tls.reload")
    except NotReachable:
        return [Check("sip", None, "The phone system does not run; it reads the certificate when it starts.")]
    except CallRefused as error:
        return [Check("sip", False, str(error), "Correct the certificate, then: gosip certificate deploy")]
    except ControlError as error:
        return [Check("sip", False, str(error), "Look into `gosip log sip`, then: gosip certificate deploy")]
    return [Check("sip", True, "The phone system has read the certificate.")]


def tell_nginx(context: Context) -> Check:
    try:
        runs = reload_nginx(context.appliance.folder)
    except PermissionError:
        return Check(
            "nginx",
            False,
            "This user may not signal nginx, so the admin page goes on with the old certificate.",
            "Run as the user that GoSIP runs as: gosip certificate deploy",
        )
    if runs:
        return Check("nginx", True, "nginx was told to read the certificate.")
    return Check("nginx", None, "nginx does not run; it reads the certificate when it starts.")


def all_ports(context: Context, settings: Settings, *, admin_page: bool = True) -> tuple[Port, ...]:
    """Every port that should serve TLS now."""
    ports = [Port("admin page", settings.bind_address or "127.0.0.1", settings.https_port)] if admin_page else []
    try:
        state = tls_state(context)
    except ControlError:
        return tuple(ports)
    can_choose = state.min_version != "1.3" and state.client_auth != "require"
    ports += (Port(one.transport, near(one.address), one.port, can_choose) for one in state.listeners)
    return tuple(ports)


def near(address: str) -> str:
    """How this machine reaches a listener."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(address, address)  # noqa: S104 - compared only


def prove(ports: tuple[Port, ...], wanted: Mapping[str, str], name: str, seconds: float) -> list[Check]:
    """Each port and type of key, asked again and again until it is right or the time is over."""
    deadline = time.monotonic() + seconds
    seen: dict[tuple[Port, str], Served] = {}
    asked = [(port, key_type) for port in ports for key_type in wanted]
    while True:
        seen |= {(port, key_type): look(port, key_type, name) for port, key_type in asked}
        asked = [one for one in asked if not is_right(one[0], seen[one], wanted)]
        if not asked or time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    return [told(port, one, wanted) for (port, _), one in seen.items()]


def is_right(port: Port, seen: Served, wanted: Mapping[str, str]) -> bool:
    if port.can_choose:
        return seen.fingerprint == wanted[seen.key_type]
    return seen.fingerprint in wanted.values()


def told(port: Port, seen: Served, wanted: Mapping[str, str]) -> Check:
    kind = seen.key_type.upper()
    if is_right(port, seen, wanted):
        return Check(f"{port.name} {seen.key_type}", True, f"{port} serves the installed {kind} certificate.")
    why = seen.trouble or f"it still serves another one, {seen.subject}"
    fix = "Look into `gosip log`, then: gosip certificate deploy"
    text = f"{port} does not serve the installed {kind} certificate: {why}."
    return Check(f"{port.name} {seen.key_type}", False, text, fix)


def written(
    context: Context,
    source: str,
    wanted: Mapping[str, str],
    checks: tuple[Check, ...],
    message: str,
    *,
    succeeded: bool,
) -> DeploymentView:
    with change(context):
        row = Deployment.create(
            at=context.now,
            source=source,
            succeeded=succeeded,
            fingerprints=dict(wanted),
            checks=[check.to_json() for check in checks],
            message=message,
        )
    record_event(
        context.appliance.folder.database,
        severity="info" if succeeded else "error",
        source="certificates",
        kind="certificate.deployed" if succeeded else "certificate.not-deployed",
        message=message,
        detail={"source": source, "fingerprints": dict(wanted)},
    )
    return deployment_of(row)


def list_deployments(context: Context, page: PageRequest = FIRST_PAGE) -> Page[DeploymentView]:
    """Newest first; for administrators."""
    context.require_admin()
    return paged(Deployment.select().order_by(Deployment.at.desc(), Deployment.id.desc()), page, deployment_of)


def deployment_of(row: Deployment) -> DeploymentView:
    checks = tuple(Check(**check) for check in row.checks)
    return DeploymentView(row.id, row.at, row.source, row.succeeded, row.fingerprints, checks, row.message)


def served(context: Context) -> tuple[Served, ...]:
    """What every port serves now, for each installed type of key; for administrators."""
    context.require_admin()
    kinds = tuple(installed(CertificateStore(context.appliance.folder.certificates))) or ("rsa",)
    settings = current_settings(context)
    return tuple(look(port, kind, settings.sip_domain) for port in all_ports(context, settings) for kind in kinds)


def local_root_pem(context: Context) -> bytes:
    """The certificate of this machine's own root: what a browser or phone may be told to trust."""
    return store_and_root(context)[1].pem


def store_and_root(context: Context) -> tuple[CertificateStore, LocalRoot]:
    store = CertificateStore(context.appliance.folder.certificates)
    return store, ensure_root(store.path, now=utc(context.now))
