"""A certificate is put in, given to the programs, and believed only when a handshake shows it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from appliance.certificates.bundle import Bundle, load
from appliance.certificates.deployment import Port, look, write_nginx_pairs
from appliance.certificates.selfsigned import ensure_self_signed
from appliance.certificates.store import CertificateStore
from appliance.errors import CertificateError, Forbidden, Invalid
from appliance.operations import certificates
from appliance.operations.audit import list_audit
from appliance.operations.certificates import (
    certificate_status,
    deploy,
    install_lineage,
    list_deployments,
    served,
    tell_of_expired,
    upload_certificate,
)
from appliance.operations.events import list_events
from appliance.settings import record_environment
from tests.support.appliance import Office
from tests.support.daemon import StandInDaemon
from tests.support.public_authority import PublicAuthority, Signed


@pytest.fixture
def now(office: Office) -> datetime:
    return datetime.fromtimestamp(office.clock(), UTC)


@pytest.fixture
def authority(now: datetime) -> PublicAuthority:
    return PublicAuthority.made(now)


@pytest.fixture
def store(office: Office, now: datetime) -> CertificateStore:
    record_environment(office.appliance.folder, office.appliance.settings)
    store = CertificateStore(office.appliance.folder.certificates)
    ensure_self_signed(store, ["phones.example", "127.0.0.1"], now=now)
    return store


@contextlib.contextmanager
def serving(*pairs: Path) -> Iterator[Port]:
    """A TLS port with these pairs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for pair in pairs:
        context.load_cert_chain(pair / "fullchain.pem", pair / "privkey.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with contextlib.suppress(OSError), connection:
                    connection.settimeout(5)
                    context.wrap_socket(connection, server_side=True).close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield Port("TLS", "127.0.0.1", listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def upload(
    office: Office, authority: PublicAuthority, leaf: Signed, *, preview: bool = False
) -> certificates.UploadView:
    chain = authority.intermediate.pem + leaf.pem
    return upload_certificate(office.console, chain, leaf.key_pem, preview=preview)


def test_the_own_certificate_is_shown_as_such(office: Office, store: CertificateStore) -> None:
    (view,) = certificate_status(office.console).certificates
    assert (view.key_type, view.key_size, view.local_root, view.self_signed) == ("rsa", 2048, True, False)
    assert (view.sans, view.days_left) == (("phones.example", "127.0.0.1"), 90)


def test_a_preview_says_what_would_change_and_changes_nothing(
    office: Office, store: CertificateStore, authority: PublicAuthority
) -> None:
    before = certificate_status(office.console)
    view = upload(office, authority, authority.leaf("phones.example", "pbx.example"), preview=True)
    assert (view.installed, view.names_gained, view.names_lost) == (False, ("pbx.example",), ("127.0.0.1",))
    assert "put in order" in view.repairs[0]
    assert view.replaces == before.certificates[0]
    assert certificate_status(office.console) == before
    assert list_deployments(office.console).total == 0


def test_an_upload_takes_the_place_of_the_own_certificate_whichever_its_key_type(
    office: Office, store: CertificateStore, authority: PublicAuthority
) -> None:
    view = upload(office, authority, authority.leaf("phones.example"))
    (shown,) = certificate_status(office.console).certificates
    assert (shown.key_type, shown.fingerprint) == ("ecdsa", view.certificate.fingerprint)
    (row,) = [row for row in list_audit(office.console).rows if row.action == "certificate.upload"]
    assert row.detail["names"] == ["phones.example"]
    assert "PRIVATE" not in repr(row)


def test_both_key_types_stand_side_by_side_for_nginx(
    office: Office, store: CertificateStore, authority: PublicAuthority
) -> None:
    upload(office, authority, authority.leaf("phones.example"))
    upload(office, authority, authority.leaf("phones.example", key=rsa.generate_private_key(65537, 2048)))
    assert [view.key_type for view in certificate_status(office.console).certificates] == ["rsa", "ecdsa"]
    text = write_nginx_pairs(office.appliance.folder).read_text()
    assert text.count("ssl_certificate ") == 2


def test_a_certificate_for_another_name_is_taken_with_a_warning(
    office: Office, store: CertificateStore, authority: PublicAuthority
) -> None:
    view = upload(office, authority, authority.leaf("other.example"), preview=True)
    assert "It is not for phones.example" in view.warnings[-1]


def test_a_refused_upload_names_the_field_and_changes_nothing(
    office: Office, store: CertificateStore, authority: PublicAuthority
) -> None:
    before = certificate_status(office.console)
    leaf, other = authority.leaf("phones.example"), authority.leaf("phones.example")
    with pytest.raises(Invalid) as refused:
        upload_certificate(office.console, leaf.pem + authority.intermediate.pem, other.key_pem)
    assert list(refused.value.details) == ["key_pem"]
    with pytest.raises(Invalid) as refused:
        upload_certificate(office.console, "x" * 70_000, leaf.key_pem)
    assert list(refused.value.details) == ["chain_pem"]
    assert certificate_status(office.console) == before


def test_where_nothing_runs_there_is_nothing_to_tell(
    office: Office, store: CertificateStore, authority: PublicAuthority
) -> None:
    view = deploy(office.console, "repair")
    assert view.succeeded
    assert [check.ok for check in view.checks] == [None, None]
    assert "it will serve it when it starts" in view.message
    assert list_deployments(office.console).rows == (view,)


def test_a_sip_program_without_tls_has_nothing_to_reload(office: Office, store: CertificateStore) -> None:
    with StandInDaemon(office.appliance.folder.sip_socket):
        assert [check.name for check in deploy(office.console, "repair").checks] == ["nginx"]


def test_a_port_that_serves_another_certificate_is_found_out(
    office: Office, store: CertificateStore, authority: PublicAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(store.current("rsa").resolve()) as port:
        monkeypatch.setattr(certificates, "all_ports", lambda *_, **__: (port,))
        assert deploy(office.console, "repair", seconds=0).succeeded
        store.install(ours(authority), now=authority.now)
        view = deploy(office.console, "repair", seconds=0)
    assert not view.succeeded
    assert [check.ok for check in view.checks[-2:]] == [True, False]
    assert "does not serve the installed ECDSA certificate" in view.message
    event = list_events(office.console).rows[0]
    assert (event.severity, event.kind) == ("error", "certificate.not-deployed")


def test_each_key_type_is_asked_for_by_itself(store: CertificateStore, authority: PublicAuthority) -> None:
    store.install(ours(authority), now=authority.now)
    with serving(store.current("rsa"), store.current("ecdsa")) as port:
        shown = {key_type: look(port, key_type) for key_type in ("rsa", "ecdsa")}
    for key_type, seen in shown.items():
        bundle = store.load_current(key_type, now=None)
        assert bundle is not None
        assert seen.fingerprint == bundle.fingerprint


def test_a_port_that_nobody_listens_on_is_said(
    office: Office, store: CertificateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
    monkeypatch.setattr(certificates, "all_ports", lambda *_, **__: (Port("TLS", "127.0.0.1", number),))
    assert [entry.trouble for entry in served(office.console)] == ["nobody listens there"]


def test_a_lineage_of_certbot_is_installed_after_checking_it(
    office: Office, store: CertificateStore, authority: PublicAuthority, tmp_path: Path
) -> None:
    leaf = authority.leaf("phones.example")
    (tmp_path / "fullchain.pem").write_text(leaf.pem + authority.intermediate.pem)
    with pytest.raises(CertificateError, match=r"privkey\.pem"):
        install_lineage(office.console, tmp_path)
    (tmp_path / "privkey.pem").write_text(leaf.key_pem)
    assert install_lineage(office.console, tmp_path).fingerprint == leaf.fingerprint


def test_an_uploaded_certificate_that_expired_stays_and_is_told(
    office: Office, store: CertificateStore, authority: PublicAuthority
) -> None:
    leaf = authority.leaf("phones.example", days=5)
    upload(office, authority, leaf)
    office.clock.advance(6 * 86_400)
    ensure_self_signed(store, ["phones.example"], now=datetime.fromtimestamp(office.clock(), UTC))
    status = certificate_status(office.console)
    assert [view.fingerprint for view in status.certificates] == [leaf.fingerprint]
    assert "expired on" in status.troubles[0]
    tell_of_expired(office.console)
    assert list_events(office.console, severity="error").rows[0].kind == "certificate.expired"


def test_only_administrators_get_to_certificates(office: Office, store: CertificateStore) -> None:
    with pytest.raises(Forbidden):
        certificate_status(office.person("grace"))


def ours(authority: PublicAuthority) -> Bundle:
    leaf = authority.leaf("phones.example")
    chain = (leaf.pem + authority.intermediate.pem).encode()
    return load(chain, leaf.key_pem.encode(), now=authority.now)
