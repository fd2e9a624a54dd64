"""A little authority: root, intermediate and leaves, as a public one would give them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID

from tests.support.certificates import Key, general, make_key, named


@dataclass(frozen=True)
class Signed:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()


@dataclass(frozen=True)
class PublicAuthority:
    root: Signed
    intermediate: Signed
    now: datetime

    @classmethod
    def made(cls, now: datetime) -> PublicAuthority:
        root = signed("Test root", None, now)
        return cls(root, signed("Test intermediate", root, now), now)

    def leaf(self, *names: str, key: Key | None = None, days: int = 60) -> Signed:
        return signed(names[0], self.intermediate, self.now, names=names, key=key, days=days)


def signed(
    name: str,
    issuer: Signed | None,
    now: datetime,
    *,
    names: tuple[str, ...] = (),
    key: Key | None = None,
    days: int = 3650,
) -> Signed:
    """An authority without `names`; a leaf, that says where its issuer can be fetched, with them."""
    key = key or make_key("ecdsa")
    subject = named(name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    )
    if names:
        fetched = x509.UniformResourceIdentifier("http://authority.test/issuer.der")
        place = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, fetched)
        builder = builder.add_extension(
            x509.SubjectAlternativeName([general(one) for one in names]), critical=False
        ).add_extension(x509.AuthorityInformationAccess([place]), critical=False)
    return Signed(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)
