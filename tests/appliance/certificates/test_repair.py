"""A certificate file as people have it becomes one that can be served, or is refused with what is missing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from appliance.certificates.repair import Repaired, load_repaired
from appliance.errors import CertificateError
from tests.support.public_authority import PublicAuthority, Signed

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> PublicAuthority:
    return PublicAuthority.made(NOW)


@pytest.fixture(scope="module")
def leaf(authority: PublicAuthority) -> Signed:
    return authority.leaf("gosip.example.test")


def load(leaf: Signed, *parts: Signed, now: datetime = NOW) -> Repaired:
    return load_repaired("".join(part.pem for part in parts).encode(), leaf.key_pem.encode(), now=now)


def test_a_file_in_order_is_left_as_it_is(authority: PublicAuthority, leaf: Signed) -> None:
    repaired = load(leaf, leaf, authority.intermediate)
    assert repaired.repairs == ()
    assert repaired.bundle.chain_pem.decode() == leaf.pem + authority.intermediate.pem


def test_a_chain_in_the_wrong_order_is_turned_round(authority: PublicAuthority, leaf: Signed) -> None:
    repaired = load(leaf, authority.root, authority.intermediate, leaf)
    assert repaired.bundle.chain == (leaf.certificate, authority.intermediate.certificate)
    assert "put in order" in repaired.repairs[0]


def test_the_root_is_left_out_rfc_8446_4_4_2(authority: PublicAuthority, leaf: Signed) -> None:
    repaired = load(leaf, leaf, authority.intermediate, authority.root)
    assert repaired.bundle.chain[-1] == authority.intermediate.certificate
    assert repaired.repairs == ("The root, CN=Test root, is left out: clients have it or do not trust it.",)
    assert repaired.warnings == ()


def test_duplicates_and_strangers_are_left_out(authority: PublicAuthority, leaf: Signed) -> None:
    stranger = authority.leaf("other.example.test")
    repaired = load(leaf, leaf, leaf, stranger, authority.intermediate)
    assert len(repaired.bundle.chain) == 2
    assert "more than once" in repaired.repairs[0]
    assert "CN=other.example.test is left out" in repaired.repairs[1]


def test_a_missing_issuer_is_named_with_what_to_give(leaf: Signed) -> None:
    with pytest.raises(CertificateError, match=r"CN=Test intermediate, which signed .* is missing.*fullchain\.pem"):
        load(leaf, leaf)


def test_an_authority_that_nobody_knows_is_told(authority: PublicAuthority, leaf: Signed) -> None:
    assert (
        "CN=Test root, is no authority that this machine knows" in load(leaf, leaf, authority.intermediate).warnings[0]
    )


def test_a_key_of_another_certificate_is_refused(authority: PublicAuthority, leaf: Signed) -> None:
    with pytest.raises(CertificateError, match=r"does not belong.*CN=gosip\.example\.test"):
        load(authority.leaf("gosip.example.test"), leaf, authority.intermediate)


def test_a_short_key_is_refused_before_the_tls_library_does(authority: PublicAuthority) -> None:
    weak = authority.leaf("gosip.example.test", key=rsa.generate_private_key(65537, 1024))
    with pytest.raises(CertificateError, match="RSA of 1024 bits"):
        load(weak, weak, authority.intermediate)


def test_dates_that_are_over_are_refused(authority: PublicAuthority, leaf: Signed) -> None:
    with pytest.raises(CertificateError, match="expired on 2026-04-30"):
        load(leaf, leaf, authority.intermediate, now=NOW.replace(month=6))
