"""A certificate as people have it, made one that can be served: the leaf first, then its issuers (RFC 8446 §4.4.2).

Files come in any order, with certificates twice, with the root, with strangers. The leaf is the one that the key fits;
from there each issuer is found by its signature. What cannot be repaired is refused with what is missing.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, SECP521R1
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from appliance.certificates.bundle import (
    Bundle,
    PrivateKey,
    check_dates,
    fits,
    is_issued_by,
    load_chain,
    load_key,
    title,
)
from appliance.errors import CertificateError

SMALLEST_RSA = 2048
"""Bits; OpenSSL refuses less."""
CURVES = (SECP256R1, SECP384R1, SECP521R1)


@dataclass(frozen=True, slots=True)
class Repaired:
    """A bundle that can be served, and what was done to the chain, in sentences."""

    bundle: Bundle
    repairs: tuple[str, ...]
    warnings: tuple[str, ...]


def load_repaired(chain_pem: bytes, key_pem: bytes, *, now: datetime) -> Repaired:
    """Check, put in order and load. `now` is in UTC. Raises `CertificateError` with the reason."""
    key = load_key(key_pem)
    check_strength(key)
    given = load_chain(chain_pem)
    leaf = find_leaf(given, key)
    path = find_path(leaf, given)
    chain = without_root(path)
    check_dates(chain, now)
    check_purpose(leaf)
    warnings = tuple(what_is_missing(path))
    pem = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain)
    return Repaired(Bundle(chain, key, pem, key_pem), tuple(repairs(given, path, chain)), warnings)


def check_strength(key: PrivateKey) -> None:
    if isinstance(key, RSAPrivateKey):
        if key.key_size < SMALLEST_RSA:
            raise CertificateError(
                f"The private key is too short: RSA of {key.key_size} bits. Have a certificate made for a key of "
                f"{SMALLEST_RSA} bits or more."
            )
    elif not isinstance(key.curve, CURVES):
        raise CertificateError(
            f"The private key is on the curve {key.curve.name}, which TLS clients do not take. Use P-256 (prime256v1)."
        )


def find_leaf(given: Sequence[x509.Certificate], key: PrivateKey) -> x509.Certificate:
    for certificate in given:
        if fits(key, certificate):
            return certificate
    raise CertificateError(
        "The private key does not belong to the certificate, nor to any other in its file. The file starts with "
        f"{title(given[0])}: give the key with which that one was asked for."
    )


def find_path(leaf: x509.Certificate, given: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """From the leaf up to the last issuer that is given, which may be a root."""
    path = [leaf]
    while not is_root(path[-1]):
        issuers = [one for one in given if one not in path and is_issued_by(path[-1], one)]
        if not issuers:
            break
        # A root that was signed by another one as well is there twice: the shorter way is the better one.
        path.append(next((one for one in issuers if is_root(one)), issuers[0]))
    return tuple(path)


def is_root(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer


def without_root(path: tuple[x509.Certificate, ...]) -> tuple[x509.Certificate, ...]:
    """A client has the root or does not trust it: sending it helps nobody (RFC 8446 §4.4.2)."""
    return path[:-1] if len(path) > 1 and is_root(path[-1]) else path


def repairs(
    given: Sequence[x509.Certificate], path: Sequence[x509.Certificate], chain: Sequence[x509.Certificate]
) -> Iterable[str]:
    once = list(dict.fromkeys(given))
    if len(once) < len(given):
        yield "Certificates that were in the file more than once are kept once."
    if [one for one in once if one in path] != list(path):
        yield "The certificates were put in order: the server's first, then each one's issuer."
    if len(chain) < len(path):
        yield f"The root, {title(path[-1])}, is left out: clients have it or do not trust it."
    for stranger in once:
        if stranger not in path:
            yield f"{title(stranger)} is left out: it is no part of the chain."


def check_purpose(leaf: x509.Certificate) -> None:
    try:
        purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(purposes):
        raise CertificateError(f"{title(leaf)} is not a certificate for servers: its extended key usage says so.")


def what_is_missing(path: Sequence[x509.Certificate]) -> Iterable[str]:
    """Nothing where the path ends at a root, or at one that a root of this machine signed. Raises `CertificateError`.

    A leaf alone that names where its issuer can be fetched comes from an authority with intermediates: browsers may
    fetch it, phones never do. Other open ends may belong to a private authority, so they are allowed, and told.
    """
    last = path[-1]
    issuer = last.issuer.rfc4514_string()
    if is_root(last) or is_known_here(last.issuer):
        return
    if len(path) == 1 and names_its_issuer(last):
        raise CertificateError(
            f"The chain is not complete: the certificate of {issuer}, which signed {title(last)}, is missing. Phones "
            "do not fetch it by themselves. Give the file with the whole chain (often called fullchain.pem)."
        )
    yield (
        f"The last issuer, {issuer}, is no authority that this machine knows. Only clients that were told to trust it "
        "will connect."
    )


def names_its_issuer(certificate: x509.Certificate) -> bool:
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return False
    return any(entry.access_method == AuthorityInformationAccessOID.CA_ISSUERS for entry in access)


def is_known_here(name: x509.Name) -> bool:
    """Whether it is the name of an authority that this machine trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    der = name.public_bytes()
    # Nothing is parsed: some public roots break rules of RFC 5280 that the parser is about to insist on.
    return any(der in root for root in context.get_ca_certs(binary_form=True))
