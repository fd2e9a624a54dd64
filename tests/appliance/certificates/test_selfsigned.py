"""The certificate of our own: there from the first second, made anew in time, trusted through one root."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.certificates.selfsigned import LEAF_LIFETIME, ensure_root, ensure_self_signed
from appliance.certificates.store import CertificateStore

NOW = datetime.now(UTC)
NAMES = ("gosip.example.test", "localhost", "127.0.0.1", "::1")


@pytest.fixture
def store(tmp_path: Path) -> CertificateStore:
    return CertificateStore(tmp_path / "certs")


def fingerprint(store: CertificateStore, now: datetime = NOW) -> str:
    bundle = store.load_current("rsa", now=now)
    assert bundle is not None
    return bundle.fingerprint


def test_the_key_is_readable_by_its_owner_only(store: CertificateStore) -> None:
    folder = ensure_self_signed(store, NAMES, now=NOW)
    assert stat.S_IMODE((folder / "privkey.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((store.path / "root" / "root.key").stat().st_mode) == 0o600


def test_every_name_and_address_is_covered(store: CertificateStore) -> None:
    ensure_self_signed(store, NAMES, now=NOW)
    bundle = store.load_current("rsa", now=NOW)
    assert bundle is not None
    assert all(bundle.covers(name) for name in NAMES)


def test_a_second_start_keeps_the_certificate(store: CertificateStore) -> None:
    ensure_self_signed(store, NAMES, now=NOW)
    first = fingerprint(store)
    ensure_self_signed(store, NAMES, now=NOW + timedelta(days=1))
    assert fingerprint(store) == first


def test_a_new_address_makes_a_new_leaf_under_the_same_root(store: CertificateStore) -> None:
    ensure_self_signed(store, NAMES, now=NOW)
    first, root = fingerprint(store), ensure_root(store.path, now=NOW).pem
    ensure_self_signed(store, (*NAMES, "192.0.2.9"), now=NOW)
    assert fingerprint(store) != first
    assert ensure_root(store.path, now=NOW).pem == root


def test_the_leaf_is_made_anew_when_a_third_of_its_life_is_left(store: CertificateStore) -> None:
    ensure_self_signed(store, NAMES, now=NOW)
    first = fingerprint(store)
    later = NOW + LEAF_LIFETIME * 2 / 3 + timedelta(hours=2)
    ensure_self_signed(store, NAMES, now=later)
    assert fingerprint(store, later) != first


def test_a_damaged_pair_is_replaced(store: CertificateStore) -> None:
    folder = ensure_self_signed(store, NAMES, now=NOW)
    (folder / "fullchain.pem").write_text("damaged")
    ensure_self_signed(store, NAMES, now=NOW)
    assert fingerprint(store)


def test_a_certificate_from_elsewhere_is_left_alone(store: CertificateStore, tmp_path: Path) -> None:
    elsewhere = CertificateStore(tmp_path / "elsewhere")
    ensure_self_signed(elsewhere, ["public.example.test"], now=NOW)
    bundle = elsewhere.load_current("rsa", now=NOW)
    assert bundle is not None
    store.install(bundle, now=NOW)
    ensure_self_signed(store, NAMES, now=NOW)
    assert fingerprint(store) == bundle.fingerprint


def test_old_versions_are_forgotten_and_the_current_one_never(store: CertificateStore) -> None:
    for index in range(8):
        ensure_self_signed(store, (*NAMES, f"192.0.2.{index}"), now=NOW + timedelta(seconds=index))
    assert len(list((store.path / "versions").iterdir())) == 5
    assert fingerprint(store)


def test_a_client_that_trusts_the_root_accepts_the_leaf(store: CertificateStore) -> None:
    folder = ensure_self_signed(store, NAMES, now=NOW)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "fullchain.pem", folder / "privkey.pem")
    client = ssl.create_default_context(cafile=str(store.path / "root" / "root.pem"))
    near, far = socket.socketpair()

    def serve() -> None:
        with server.wrap_socket(far, server_side=True) as connection:
            connection.sendall(b"hello")

    thread = threading.Thread(target=serve)
    thread.start()
    with client.wrap_socket(near, server_hostname="127.0.0.1") as connection:
        assert connection.recv(5) == b"hello"
    thread.join()
