"""A bundle is checked before anything uses it, and each refusal names its cause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from appliance.certificates.bundle import Bundle, load, matches
from appliance.certificates.selfsigned import LocalRoot, key_pem, make_leaf, make_root
from appliance.errors import CertificateError

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def root() -> LocalRoot:
    return make_root(NOW)


@pytest.fixture(scope="module")
def bundle(root: LocalRoot) -> Bundle:
    return make_leaf(root, ["gosip.example.test", "*.phones.example.test", "192.0.2.7", "2001:db8::7"], now=NOW)


def test_a_good_pair_is_loaded(bundle: Bundle) -> None:
    again = load(bundle.chain_pem, bundle.key_pem, now=NOW, names=["gosip.example.test", "192.0.2.7"])
    assert again.fingerprint == bundle.fingerprint
    assert again.key_type == "rsa"


def test_a_key_of_another_certificate_is_refused(bundle: Bundle) -> None:
    other = key_pem(rsa.generate_private_key(65537, 2048))
    with pytest.raises(CertificateError, match="does not belong"):
        load(bundle.chain_pem, other, now=NOW)


def test_a_chain_out_of_order_is_refused(root: LocalRoot, bundle: Bundle) -> None:
    stranger = make_root(NOW)
    leaf_pem = bundle.leaf.public_bytes(serialization.Encoding.PEM)
    with pytest.raises(CertificateError, match="chain is broken"):
        load(leaf_pem + stranger.pem, bundle.key_pem, now=NOW)


def test_an_expired_certificate_is_refused_with_its_date(bundle: Bundle) -> None:
    with pytest.raises(CertificateError, match="expired on 2026-05-30"):
        load(bundle.chain_pem, bundle.key_pem, now=NOW + timedelta(days=100))


def test_a_certificate_of_the_future_makes_one_look_at_the_clock(bundle: Bundle) -> None:
    with pytest.raises(CertificateError, match="clock"):
        load(bundle.chain_pem, bundle.key_pem, now=NOW - timedelta(days=2))


def test_a_name_that_is_not_covered_is_named(bundle: Bundle) -> None:
    with pytest.raises(CertificateError, match=r"not for other\.example\.test"):
        load(bundle.chain_pem, bundle.key_pem, now=NOW, names=["other.example.test"])


def test_a_key_with_a_password_is_refused_in_words(bundle: Bundle) -> None:
    sealed = bundle.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    with pytest.raises(CertificateError, match="password"):
        load(bundle.chain_pem, sealed, now=NOW)


@pytest.mark.parametrize(
    "text", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_what_is_no_certificate_is_refused(bundle: Bundle, text: bytes) -> None:
    with pytest.raises(CertificateError):
        load(text, bundle.key_pem, now=NOW)


def test_an_elliptic_key_is_of_the_other_type(bundle: Bundle) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    assert Bundle(bundle.chain, key, b"", b"").key_type == "ecdsa"


def test_no_repr_shows_the_key(bundle: Bundle) -> None:
    assert "PRIVATE" not in repr(bundle)
    assert bundle.key_pem.decode() not in repr(bundle)


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("sip.example.test", "SIP.example.test.", True),
        ("*.example.test", "a.example.test", True),
        ("*.example.test", "a.b.example.test", False),
        ("*.example.test", "example.test", False),
        ("2001:db8::1", "2001:0db8::0001", True),
        ("192.0.2.1", "192.0.2.10", False),
    ],
)
def test_names_match_by_the_ordinary_rules(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected
