"""Digest authentication: RFC 7616 in the form of RFC 3261 §22 and RFC 8760."""

from __future__ import annotations

import hmac
from dataclasses import replace

import pytest

from sip_daemon.authentication import (
    BAD_CREDENTIALS,
    Authenticated,
    AuthenticationLimits,
    Authenticator,
    Challenge,
    Denied,
    digest_response,
)
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import DigestChallenge, DigestCredentials
from tests.support.digest import REALM, authorize, device, directory, ha1
from tests.support.messages import SERVER, invite, register

DIRECTORY = directory("1001", "1002")
NOW = 5000.0


@pytest.fixture
def authenticator() -> Authenticator:
    return Authenticator()


def offered(authenticator: Authenticator, algorithm: str = "SHA-256", now: float = NOW) -> DigestChallenge:
    return next(one for one in authenticator.challenge(REALM, now) if one.algorithm == algorithm)


def test_md5_is_offered_before_sha_256_for_phones_that_read_the_first_only(authenticator: Authenticator) -> None:
    """RFC 8760 §2.3."""
    assert [one.algorithm for one in authenticator.challenge(REALM, NOW)] == ["MD5", "SHA-256"]


def test_a_phone_that_gives_up_on_an_unknown_algorithm_is_offered_md5_alone(authenticator: Authenticator) -> None:
    offered = authenticator.challenge(REALM, NOW, user_agent="baresip v1.0.0 (x86_64/linux)")
    assert [one.algorithm for one in offered] == ["MD5"]
    assert len(authenticator.challenge(REALM, NOW, user_agent="baresip v3.10.0")) == 2


def test_both_challenges_together_stay_under_300_bytes(authenticator: Authenticator) -> None:
    """An answer to an unverified UDP source is at most three times the request."""
    lines = [f"WWW-Authenticate: {one}\r\n" for one in authenticator.challenge(REALM, NOW)]
    assert sum(len(line) for line in lines) < 300


def test_no_two_challenges_share_a_nonce(authenticator: Authenticator) -> None:
    assert len({authenticator.challenge(REALM, NOW)[0].nonce for _ in range(100)}) == 100


def test_a_request_without_credentials_is_challenged(authenticator: Authenticator) -> None:
    assert authenticator.verify(register(), DIRECTORY, NOW) == Challenge(stale=False)


def test_credentials_for_another_realm_are_no_credentials(authenticator: Authenticator) -> None:
    foreign = replace(offered(authenticator), realm="elsewhere")
    assert authenticator.verify(authorize(register(), foreign), DIRECTORY, NOW) == Challenge(stale=False)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_the_right_password_authenticates_the_device(authenticator: Authenticator, algorithm: str) -> None:
    request = authorize(register(), offered(authenticator, algorithm))
    assert authenticator.verify(request, DIRECTORY, NOW) == Authenticated(device("1001"))


def test_the_digest_of_rfc_7616_section_3_9_1_is_computed() -> None:
    for algorithm, expected in (
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ):
        given = DigestCredentials(
            username="Mufasa",
            realm="http-auth@example.org",
            nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            uri="/dir/index.html",
            response="",
            algorithm=algorithm,
            cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            qop="auth",
            nonce_count="00000001",
        )
        key = ha1("Mufasa", "Circle of Life", algorithm, given.realm)
        assert digest_response(given, "GET", key) == expected


def test_a_missing_algorithm_means_md5(authenticator: Authenticator) -> None:
    request = authorize(register(), offered(authenticator, "MD5"))
    request.headers.set("Authorization", str(replace(request.authorizations[0], algorithm=None)))
    assert isinstance(authenticator.verify(request, DIRECTORY, NOW), Authenticated)


# Wrong credentials


def test_a_wrong_password_and_an_unknown_user_get_the_same_verdict(authenticator: Authenticator) -> None:
    wrong = authorize(register(), offered(authenticator), password="guess")
    unknown = authorize(register("9999"), offered(authenticator), "9999")
    verdict = authenticator.verify(wrong, DIRECTORY, NOW)
    assert isinstance(verdict, Denied)
    assert authenticator.verify(unknown, DIRECTORY, NOW) == verdict


def test_an_unknown_user_costs_the_same_comparison(
    authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[int, int]] = []
    genuine = hmac.compare_digest

    def spy(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return genuine(one, other)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    authenticator.verify(authorize(register(), offered(authenticator), password="guess"), DIRECTORY, NOW)
    wrong, compared = compared, []
    authenticator.verify(authorize(register(), offered(authenticator), "9999"), DIRECTORY, NOW)
    assert compared == wrong == [(64, 64), (12, 12)], "the digest, then whether the nonce was ours"


def test_a_disabled_device_is_an_unknown_one(authenticator: Authenticator) -> None:
    disabled = replace(DIRECTORY, devices={"1001": device("1001", enabled=False)})
    request = authorize(register(), offered(authenticator))
    assert isinstance(authenticator.verify(request, disabled, NOW), Denied)


def test_the_digest_of_another_method_is_wrong(authenticator: Authenticator) -> None:
    request = invite("1002")
    signed = authorize(register(), offered(authenticator)).authorizations[0]
    request.headers.set("Authorization", str(signed))
    assert isinstance(authenticator.verify(request, DIRECTORY, NOW), Denied)


@pytest.mark.parametrize("algorithm", ["MD5-sess", "SHA-512-256", "SHA-1"])
def test_an_algorithm_that_was_not_offered_is_denied(authenticator: Authenticator, algorithm: str) -> None:
    request = authorize(register(), offered(authenticator, "MD5"))
    request.headers.set("Authorization", str(replace(request.authorizations[0], algorithm=algorithm)))
    assert isinstance(authenticator.verify(request, DIRECTORY, NOW), Denied)


def test_auth_int_is_denied(authenticator: Authenticator) -> None:
    request = authorize(register(), offered(authenticator), qop="auth-int")
    assert isinstance(authenticator.verify(request, DIRECTORY, NOW), Denied)


def test_qop_without_a_count_is_refused_with_400(authenticator: Authenticator) -> None:
    request = authorize(register(), offered(authenticator))
    request.headers.set("Authorization", str(replace(request.authorizations[0], nonce_count=None)))
    with pytest.raises(RemoteProtocolError):
        authenticator.verify(request, DIRECTORY, NOW)


# The digest-uri


@pytest.mark.parametrize(
    "uri", [f"sip:{SERVER}:5060", f"sips:{SERVER}", f"sip:{SERVER};transport=tcp", "sip:GOSIP.test"]
)
def test_a_phone_may_sign_another_spelling_of_our_address(authenticator: Authenticator, uri: str) -> None:
    request = authorize(register(), offered(authenticator), uri=uri)
    assert isinstance(authenticator.verify(request, DIRECTORY, NOW), Authenticated)


def test_a_phone_may_sign_our_address_without_the_number_that_it_dials(authenticator: Authenticator) -> None:
    """SIPp and some telephones do so for every request."""
    request = authorize(invite("1002"), offered(authenticator), uri=f"sip:{SERVER}:5060")
    assert isinstance(authenticator.verify(request, DIRECTORY, NOW), Authenticated)


@pytest.mark.parametrize("uri", [f"sip:1002@{SERVER}", "sip:elsewhere.test", "banana", "tel:1001"])
def test_a_digest_for_another_target_is_denied(authenticator: Authenticator, uri: str) -> None:
    request = authorize(register(), offered(authenticator), uri=uri)
    assert isinstance(authenticator.verify(request, DIRECTORY, NOW), Denied)


# Nonces


def test_a_nonce_serves_many_requests_while_its_count_grows(authenticator: Authenticator) -> None:
    challenge = offered(authenticator)
    for used in (1, 2, 7):
        request = authorize(register(), challenge, count=used)
        assert isinstance(authenticator.verify(request, DIRECTORY, NOW), Authenticated)


@pytest.mark.parametrize("again", [2, 1])
def test_a_count_that_does_not_grow_is_a_replay(authenticator: Authenticator, again: int) -> None:
    challenge = offered(authenticator)
    authenticator.verify(authorize(register(), challenge, count=2), DIRECTORY, NOW)
    replayed = authorize(register(), challenge, count=again)
    assert authenticator.verify(replayed, DIRECTORY, NOW) == Challenge(stale=True)


def test_an_answer_without_qop_uses_its_nonce_up(authenticator: Authenticator) -> None:
    """RFC 2069 clients; without a count only this tells a replay."""
    request = authorize(register(), offered(authenticator, "MD5"), qop=None)
    assert isinstance(authenticator.verify(request, DIRECTORY, NOW), Authenticated)
    assert authenticator.verify(request, DIRECTORY, NOW) == Challenge(stale=True)


def test_an_old_nonce_with_the_right_password_is_stale(authenticator: Authenticator) -> None:
    request = authorize(register(), offered(authenticator))
    assert authenticator.verify(request, DIRECTORY, NOW + 301) == Challenge(stale=True)


def test_an_old_nonce_with_a_wrong_password_is_a_failure(authenticator: Authenticator) -> None:
    """RFC 7616 §3.3: stale means that the digest was right; and guesses must count as such."""
    request = authorize(register(), offered(authenticator), password="guess")
    assert isinstance(authenticator.verify(request, DIRECTORY, NOW + 301), Denied)


@pytest.mark.parametrize("nonce", ["", "x" * 32, "!" * 32, "é" * 32, "A" * 32, "A" * 500])
def test_a_nonce_that_is_not_ours_is_stale_for_the_right_password(authenticator: Authenticator, nonce: str) -> None:
    forged = replace(offered(authenticator), nonce=nonce)
    assert authenticator.verify(authorize(register(), forged), DIRECTORY, NOW) == Challenge(stale=True)


def test_a_nonce_of_another_process_is_not_ours() -> None:
    request = authorize(register(), offered(Authenticator()))
    assert Authenticator().verify(request, DIRECTORY, NOW) == Challenge(stale=True)


def test_a_given_secret_lets_nonces_outlive_a_restart() -> None:
    secret = b"s" * 32
    request = authorize(register(), offered(Authenticator(secret)))
    assert isinstance(Authenticator(secret).verify(request, DIRECTORY, NOW), Authenticated)


def test_a_nonce_from_the_future_is_not_taken() -> None:
    """The monotonic clock began anew with the machine."""
    secret = b"s" * 32
    request = authorize(register(), offered(Authenticator(secret)))
    assert Authenticator(secret).verify(request, DIRECTORY, 10.0) == Challenge(stale=True)


def test_stale_is_said_in_both_challenges(authenticator: Authenticator) -> None:
    assert all(one.stale for one in authenticator.challenge(REALM, NOW, stale=True))


def test_a_full_table_forgets_the_oldest_nonce_without_letting_it_be_replayed() -> None:
    authenticator = Authenticator(limits=AuthenticationLimits(max_nonces=2))
    first = authorize(register(), offered(authenticator, now=NOW))
    for request in (first, *(authorize(register(), offered(authenticator, now=NOW + step)) for step in (1, 2))):
        assert isinstance(authenticator.verify(request, DIRECTORY, NOW + 2), Authenticated)
    assert authenticator.verify(first, DIRECTORY, NOW + 2) == Challenge(stale=True)


def test_nonces_that_are_too_old_leave_the_table() -> None:
    authenticator = Authenticator(limits=AuthenticationLimits(max_nonces=2))
    for step in range(10):
        now = NOW + 400 * step
        request = authorize(register(), offered(authenticator, now=now))
        assert isinstance(authenticator.verify(request, DIRECTORY, now), Authenticated)
    late = NOW + 3600
    fresh = authorize(register(), offered(authenticator, now=late))
    assert isinstance(authenticator.verify(fresh, DIRECTORY, late), Authenticated)


def test_no_secret_is_in_a_repr(authenticator: Authenticator) -> None:
    request = authorize(register(), offered(authenticator))
    assert request.authorizations[0].response not in repr(request.authorizations)
    assert ha1("1001", "1001"[::-1]) not in repr(DIRECTORY)


def test_a_nonce_is_good_only_where_it_was_sent(authenticator: Authenticator) -> None:
    """So an answer to it proves that its sender receives what is sent to that address."""
    challenge = authenticator.challenge(REALM, NOW, source="192.0.2.1")[0]
    request = authorize(register(), challenge)
    assert authenticator.verify(request, DIRECTORY, NOW, "192.0.2.2") == Challenge(stale=True)
    assert isinstance(authenticator.verify(request, DIRECTORY, NOW, "192.0.2.1"), Authenticated)


def test_a_wrong_answer_to_a_challenge_of_ours_proves_its_source(authenticator: Authenticator) -> None:
    challenge = authenticator.challenge(REALM, NOW, source="192.0.2.1")[0]
    guess = authorize(register(), challenge, password="guess")
    assert authenticator.verify(guess, DIRECTORY, NOW, "192.0.2.1") == Denied(BAD_CREDENTIALS, is_proven=True)
    assert authenticator.verify(guess, DIRECTORY, NOW, "192.0.2.2") == Denied(BAD_CREDENTIALS, is_proven=False)
    assert authenticator.verify(guess, DIRECTORY, NOW + 301, "192.0.2.1") == Denied(BAD_CREDENTIALS, is_proven=False)
