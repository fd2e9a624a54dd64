"""A certificate with its chain and key, checked before anything uses it.

`load` refuses what would leave a port unable to shake hands: a key that does not fit, a chain out of order, dates that
are over, names that are not covered. Nobody loads a pair into a live TLS context to find that out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from appliance.errors import CertificateError

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Bundle:
    """A leaf certificate, the intermediates that lead to its root, and its private key."""

    chain: tuple[x509.Certificate, ...]
    """Leaf first, each one signed by the next."""
    key: PrivateKey = field(repr=False)
    chain_pem: bytes = field(repr=False)
    key_pem: bytes = field(repr=False)

    @property
    def leaf(self) -> x509.Certificate:
        return self.chain[0]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the leaf, as lower-case hexadecimal digits."""
        return self.leaf.fingerprint(hashes.SHA256()).hex()

    @property
    def key_type(self) -> str:
        """`rsa` or `ecdsa`: the folder in which the store keeps it."""
        return "rsa" if isinstance(self.key, RSAPrivateKey) else "ecdsa"

    @property
    def not_before(self) -> datetime:
        return self.leaf.not_valid_before_utc

    @property
    def not_after(self) -> datetime:
        return self.leaf.not_valid_after_utc

    @property
    def names(self) -> tuple[str, ...]:
        """The subject alternative names: host names (perhaps with a wildcard) and addresses."""
        return names_of(self.leaf)

    def covers(self, name: str) -> bool:
        """Whether a client that looks for this host name or address accepts the leaf (RFC 6125, RFC 9525)."""
        return any(matches(pattern, name) for pattern in self.names)


def load(chain_pem: bytes, key_pem: bytes, *, now: datetime | None, names: Sequence[str] = ()) -> Bundle:
    """Check and load. `now` is in UTC, None leaves the dates unchecked; each of `names` must be covered.

    Raises `CertificateError` with the reason.
    """
    chain = load_chain(chain_pem)
    bundle = Bundle(chain, load_key(key_pem), chain_pem, key_pem)
    check_key(bundle)
    check_order(chain)
    if now is not None:
        check_dates(chain, now)
    check_names(bundle, names)
    return bundle


def load_chain(chain_pem: bytes) -> tuple[x509.Certificate, ...]:
    try:
        chain = tuple(x509.load_pem_x509_certificates(chain_pem))
    except ValueError as error:
        raise CertificateError(
            "The certificate cannot be read: it must be in PEM form, from BEGIN CERTIFICATE to END CERTIFICATE."
        ) from error
    if not chain:
        raise CertificateError("The certificate file holds no certificate.")
    return chain


def load_key(key_pem: bytes) -> PrivateKey:
    try:
        key = load_pem_private_key(key_pem, password=None)
    except TypeError as error:
        raise CertificateError("The private key is protected by a password. Give the key without one.") from error
    except ValueError as error:
        raise CertificateError("The private key cannot be read: it must be in PEM form.") from error
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise CertificateError("The private key is of a kind that phones cannot use: it must be RSA or ECDSA.")
    return key


def fits(key: PrivateKey, certificate: x509.Certificate) -> bool:
    """Whether it is the key of that certificate."""
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key.public_key().public_bytes(*form) == certificate.public_key().public_bytes(*form)


def is_issued_by(child: x509.Certificate, parent: x509.Certificate) -> bool:
    """By name and by signature."""
    try:
        child.verify_directly_issued_by(parent)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def check_key(bundle: Bundle) -> None:
    if not fits(bundle.key, bundle.leaf):
        raise CertificateError("The private key does not belong to the certificate (to the first one in its file).")


def check_order(chain: Sequence[x509.Certificate]) -> None:
    for child, parent in pairwise(chain):
        if not is_issued_by(child, parent):
            raise CertificateError(
                f"The chain is broken: {title(child)} is not signed by {title(parent)}, which follows it."
            )


def check_dates(chain: Iterable[x509.Certificate], now: datetime) -> None:
    for certificate in chain:
        if certificate.not_valid_after_utc < now:
            raise CertificateError(f"{title(certificate)} expired on {certificate.not_valid_after_utc:%Y-%m-%d}.")
        if certificate.not_valid_before_utc > now:
            raise CertificateError(
                f"{title(certificate)} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC. "
                "Is the clock of this machine right?"
            )


def check_names(bundle: Bundle, names: Iterable[str]) -> None:
    missing = [name for name in names if not bundle.covers(name)]
    if missing:
        raise CertificateError(
            f"The certificate is not for {', '.join(missing)}; it names {', '.join(bundle.names) or 'nobody'}."
        )


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        entries = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = (str(address) for address in entries.get_values_for_type(x509.IPAddress))
    return (*entries.get_values_for_type(x509.DNSName), *addresses)


def matches(pattern: str, name: str) -> bool:
    """A wildcard stands for exactly one label, the leftmost; an address matches only itself."""
    try:
        return ip_address(pattern) == ip_address(name)
    except ValueError:
        pass
    pattern, name = pattern.lower(), name.lower().rstrip(".")
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:] and not name.startswith(".")
    return pattern == name


def title(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"the certificate with serial {certificate.serial_number:x}"
