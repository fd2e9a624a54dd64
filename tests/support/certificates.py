"""Authorities and certificates for tests of TLS, and clients that shake hands with them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Issued:
    """A certificate with its issuer behind it, and the key."""

    chain_pem: bytes
    key_pem: bytes
    fingerprint: str

    def write(self, folder: Path) -> tuple[Path, Path]:
        """The files of the chain and of the key."""
        folder.mkdir(parents=True, exist_ok=True)
        chain, key = folder / "fullchain.pem", folder / "privkey.pem"
        chain.write_bytes(self.chain_pem)
        key.write_bytes(self.key_pem)
        return chain, key


class Authority:
    """A root that signs for servers and for clients."""

    def __init__(self, name: str = "Test root") -> None:
        self._key = make_key("ecdsa")
        self._name = named(name)
        self.certificate = self._sign(self._name, self._key, 1, is_authority=True)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def write(self, path: Path) -> Path:
        path.write_bytes(self.pem)
        return path

    def issue(self, key_type: str = "rsa", *names: str, days: float = 30, for_clients: bool = False) -> Issued:
        """`days` until it ends, negative for one that has ended."""
        key = make_key(key_type)
        wanted = names or ("127.0.0.1", "::1", "localhost")
        leaf = self._sign(named(wanted[0]), key, days, names=wanted, for_clients=for_clients)
        return Issued(
            leaf.public_bytes(Encoding.PEM) + self.pem,
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            leaf.fingerprint(hashes.SHA256()).hex(),
        )

    def _sign(
        self,
        subject: x509.Name,
        key: Key,
        days: float,
        *,
        names: tuple[str, ...] = (),
        is_authority: bool = False,
        for_clients: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if for_clients else ExtendedKeyUsageOID.SERVER_AUTH
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(usage(is_authority=is_authority), critical=True)
        )
        if not is_authority:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([general(one) for one in names]), critical=False
            )
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def client(
        self, version: ssl.TLSVersion | None = None, certificate: tuple[Path, Path] | None = None
    ) -> ssl.SSLContext:
        """The context of a phone that trusts this root; it speaks `version` alone where that is given."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.pem.decode())
        if version is not None:
            context.set_ciphers("DEFAULT:@SECLEVEL=0")  # OpenSSL speaks the old versions no other way
            context.minimum_version = context.maximum_version = version
        if certificate is not None:
            context.load_cert_chain(*certificate)
        return context


def usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        key_encipherment=False,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def make_key(key_type: str) -> Key:
    if key_type == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
