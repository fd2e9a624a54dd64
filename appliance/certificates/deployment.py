"""Giving installed certificates to the programs that serve them, and asking every port what it serves.

That a program was told of a certificate does not mean that it serves it: only a handshake proves that. TLS 1.2 lets a
client choose the type of key by its cipher suites (RFC 5246 §7.4.2), so each installed type is asked for by itself.
"""

from __future__ import annotations

import os
import signal
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from appliance.certificates.bundle import names_of, title
from appliance.certificates.store import CHAIN, KEY, KEY_TYPES, CertificateStore
from appliance.folders import DataFolder, write_private

HANDSHAKE_SECONDS = 3.0
SUITES = {"rsa": "ECDHE-RSA-AES128-GCM-SHA256", "ecdsa": "ECDHE-ECDSA-AES128-GCM-SHA256"}


@dataclass(frozen=True, slots=True)
class Port:
    """Where TLS is spoken, as this machine reaches it."""

    name: str
    """For a person: `admin page`, `TLS`, `WSS`."""
    address: str
    number: int
    can_choose: bool = True
    """False where only TLS 1.3 gets to see the certificate (by the lowest version, or since a client has to show one of
    its own): Python's client cannot choose the type of key there, and sees what most clients see.
    """

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.name} ({address}:{self.number})"


@dataclass(frozen=True, slots=True)
class Served:
    """What a port showed to a client that wanted this type of key."""

    port: str
    address: str
    number: int
    key_type: str
    fingerprint: str = ""
    """SHA-256 of the leaf; empty where nothing was shown."""
    subject: str = ""
    issuer: str = ""
    sans: tuple[str, ...] = ()
    expiry: float | None = None
    """Unix seconds."""
    trouble: str = ""
    """Why there was no handshake."""


def write_nginx_pairs(folder: DataFolder) -> Path:
    """The file that nginx's configuration includes: a pair for each type of key that is installed. Returns its path."""
    store = CertificateStore(folder.certificates)
    lines = []
    for key_type in KEY_TYPES:
        pair = store.current(key_type)
        if (pair / CHAIN).exists():
            lines += [f'ssl_certificate "{pair / CHAIN}";', f'ssl_certificate_key "{pair / KEY}";']
    path = folder.run / "nginx-certificates.conf"
    write_private(path, "\n".join([*lines, ""]))
    return path


def reload_nginx(folder: DataFolder) -> bool:
    """Have nginx read its files again; False where none runs. Raises `PermissionError` where it is somebody else's."""
    try:
        pid = int((folder.run / "nginx.pid").read_text())
        # A number that was left behind may belong to another program by now.
        if Path(f"/proc/{pid}/comm").read_text().strip() != "nginx":
            return False
        os.kill(pid, signal.SIGHUP)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return False
    return True


def look(port: Port, key_type: str, name: str = "") -> Served:
    """Shake hands, asking for a certificate of this type; nothing is verified, since it is the certificate we want."""
    found = {"port": port.name, "address": port.address, "number": port.number, "key_type": key_type}
    try:
        der = handshake(port, key_type, name)
    except OSError as error:  # ssl.SSLError is one
        return Served(**found, trouble=words_for(error))  # type: ignore[arg-type]
    leaf = x509.load_der_x509_certificate(der)
    return Served(
        **found,  # type: ignore[arg-type]
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
        subject=title(leaf),
        issuer=leaf.issuer.rfc4514_string(),
        sans=names_of(leaf),
        expiry=leaf.not_valid_after_utc.timestamp(),
    )


def handshake(port: Port, key_type: str, name: str) -> bytes:
    """The leaf, as DER."""
    return shown(port, chooser(key_type) if port.can_choose else client_context(), name)


def shown(port: Port, context: ssl.SSLContext, name: str) -> bytes:
    with (
        socket.create_connection((port.address, port.number), timeout=HANDSHAKE_SECONDS) as connection,
        context.wrap_socket(connection, server_hostname=name or None) as session,
    ):
        der = session.getpeercert(binary_form=True)
    if der is None:
        raise ssl.SSLError("no certificate was shown")
    return der


def chooser(key_type: str) -> ssl.SSLContext:
    context = client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITES[key_type])
    return context


def client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def words_for(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"no handshake within {HANDSHAKE_SECONDS:g} seconds"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, ssl.SSLError):
        return f"the handshake failed ({(error.reason or str(error)).lower().replace('_', ' ')})"
    return error.strerror or str(error)


def installed(store: CertificateStore) -> dict[str, str]:
    """The fingerprint of what is installed for each type of key. Raises `CertificateError` for what is damaged."""
    bundles = ((key_type, store.load_current(key_type, now=None)) for key_type in KEY_TYPES)
    return {key_type: bundle.fingerprint for key_type, bundle in bundles if bundle is not None}


def utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
