"""The certificate that serves from the first second: signed by a root of this machine's own.

The root is made once and may be trusted by browsers and phones; the leaf lives short and is made anew when it nears its
end or when names or addresses change. Trust in the root survives that.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.certificates.bundle import Bundle, load, load_chain, load_key
from appliance.certificates.store import KEY_TYPES, CertificateStore, write_durably
from appliance.errors import CertificateError

ROOT_LIFETIME = timedelta(days=3650)
LEAF_LIFETIME = timedelta(days=90)
RENEW_BEFORE = LEAF_LIFETIME / 3
BACKDATE = timedelta(hours=1)
"""A phone whose clock is a little slow accepts a new certificate all the same."""
KEY_BITS = 2048
"""RSA 2048 is what every desk phone can do."""
ORGANISATION = "GoSIP"


@dataclass(frozen=True, slots=True)
class LocalRoot:
    """The certificate authority of this machine."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def ensure_self_signed(store: CertificateStore, names: Sequence[str], *, now: datetime) -> Path:
    """Install a leaf for these names and addresses unless a good one of ours is there. Returns its folder.

    A certificate that came from elsewhere (uploaded, or issued by a public authority) is left alone, also one that has
    expired: who trusts it is told why it fails, and an administrator sees it everywhere that certificates are shown.
    """
    root = ensure_root(store.path, now=now)
    wanted = unique(names)
    for key_type in KEY_TYPES:
        if is_from_elsewhere(readable(store, key_type), root):
            return store.current(key_type)
    current = readable(store, "rsa")
    if current is not None and not needs_renewal(current, wanted, now):
        return store.current("rsa")
    return store.install(make_leaf(root, wanted, now=now), now=now)


def readable(store: CertificateStore, key_type: str) -> Bundle | None:
    """What is installed, whatever its dates say; None also for what is damaged."""
    try:
        return store.load_current(key_type, now=None)
    except CertificateError:
        return None


def is_from_elsewhere(bundle: Bundle | None, root: LocalRoot) -> bool:
    return bundle is not None and bundle.leaf.issuer != root.certificate.subject


def needs_renewal(current: Bundle, names: Sequence[str], now: datetime) -> bool:
    return current.not_after - now < RENEW_BEFORE or set(current.names) != set(names)


def ensure_root(folder: Path, *, now: datetime) -> LocalRoot:
    """The root in `certs/root/`, made at the first call."""
    root_folder = folder / "root"
    root_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate_path, key_path = root_folder / "root.pem", root_folder / "root.key"
    if not certificate_path.exists():
        root = make_root(now)
        for path, data, mode in ((key_path, key_pem(root.key), 0o600), (certificate_path, root.pem, 0o644)):
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.unlink(missing_ok=True)
            write_durably(temporary, data, mode)
            temporary.replace(path)
        return root
    key = load_key(key_path.read_bytes())
    if not isinstance(key, rsa.RSAPrivateKey):
        raise CertificateError(f"The key of the local root in {key_path} is not the RSA key that was made for it.")
    return LocalRoot(load_chain(certificate_path.read_bytes())[0], key)


def make_root(now: datetime) -> LocalRoot:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    # The serial is part of the name: two machines' roots can be told apart in a browser's list.
    serial = x509.random_serial_number()
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, f"GoSIP local root {serial & 0xFFFFFFFF:08x}"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + ROOT_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(certificate_signing=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return LocalRoot(certificate, key)


def make_leaf(root: LocalRoot, names: Sequence[str], *, now: datetime) -> Bundle:
    """A server certificate for host names and addresses; its chain carries the root, so that it can be looked at."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]))
        .issuer_name(root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + LEAF_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(general_names(names)), critical=False)
        .add_extension(key_usage(certificate_signing=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key()), critical=False)
        .sign(root.key, hashes.SHA256())
    )
    chain_pem = certificate.public_bytes(serialization.Encoding.PEM) + root.pem
    return load(chain_pem, key_pem(key), now=now)


def key_usage(*, certificate_signing: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificate_signing,
        key_encipherment=not certificate_signing,
        key_cert_sign=certificate_signing,
        crl_sign=certificate_signing,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    result: list[x509.GeneralName] = []
    for name in names:
        try:
            result.append(x509.IPAddress(ip_address(name)))
        except ValueError:
            result.append(x509.DNSName(name))
    return result


def key_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Each once, addresses in their shortest form."""
    return tuple(dict.fromkeys(normal(name) for name in names if name))


def normal(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        return name.lower()
