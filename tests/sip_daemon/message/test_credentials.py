from __future__ import annotations

import time

import pytest

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import DigestChallenge, DigestCredentials

# The form of RFC 7616 §3.9.1.
CREDENTIALS = (
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=MD5, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
    'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", '
    'qop=auth, response="8ca523f5e9506fed4657c9700eebdbec", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


def test_the_parts_of_credentials() -> None:
    credentials = DigestCredentials.parse(CREDENTIALS)
    assert credentials.username == "Mufasa"
    assert credentials.realm == "http-auth@example.org"
    assert credentials.uri == "/dir/index.html"
    assert credentials.algorithm == "MD5"
    assert credentials.nonce == "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    assert credentials.nonce_count == "00000001"
    assert credentials.qop == "auth"
    assert credentials.response == "8ca523f5e9506fed4657c9700eebdbec"
    assert credentials.opaque == "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
    assert not credentials.userhash


@pytest.mark.parametrize("username", ["1001", 'a"b\\c', "Jäsøn Doe"])
def test_credentials_round_trip(username: str) -> None:
    credentials = DigestCredentials(
        username,
        "r",
        "n",
        "sip:h",
        "0af1",
        algorithm="SHA-256",
        cnonce="c",
        qop="auth",
        nonce_count="0000000a",
        opaque="",
    )
    assert DigestCredentials.parse(str(credentials)) == credentials


def test_credentials_of_rfc_2069_need_no_qop() -> None:
    credentials = DigestCredentials.parse('Digest username="a",realm="r",nonce="n",uri="sip:h",response="0A"')
    assert (credentials.qop, credentials.nonce_count, credentials.algorithm) == (None, None, None)
    assert credentials.response == "0a"
    assert DigestCredentials.parse(str(credentials)) == credentials


def test_parameters_that_phones_quote_needlessly_are_read() -> None:
    text = 'digest username="a",realm="r",nonce="n",uri="sip:h",response="0a",qop="auth",nc="00000001",algorithm="MD5",'
    credentials = DigestCredentials.parse(text)
    assert (credentials.qop, credentials.nonce_count, credentials.algorithm) == ("auth", "00000001", "MD5")


def test_a_quality_that_is_no_token_stays_quoted() -> None:
    """A peer that answers with the whole list that it was offered is read, written and read again."""
    text = 'Digest username="a", realm="r", nonce="n", uri="sip:h", response="0a", qop="auth,auth-int"'
    given = DigestCredentials.parse(text)
    assert DigestCredentials.parse(str(given)) == given


def test_commas_and_equals_signs_inside_quotes_are_no_separators() -> None:
    text = 'Digest username="a,b=c",realm="\\"r\\"",nonce="n==",uri="sip:h",response="0a"'
    credentials = DigestCredentials.parse(text)
    assert (credentials.username, credentials.realm, credentials.nonce) == ("a,b=c", '"r"', "n==")


def test_the_extended_username_of_rfc_7616_is_decoded() -> None:
    text = (
        'Digest username*=UTF-8\'\'J%C3%A4s%C3%B8n%20Doe,realm="r",nonce="n",uri="sip:h",response="0a",userhash=false'
    )
    assert DigestCredentials.parse(text).username == "Jäsøn Doe"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Digest",
        "Basic dXNlcjpwdw==",
        "NoOneKnowsThisScheme opaque-data=here",
        'Digest username="a"',
        'Digest username="a,realm="r",nonce="n",uri="sip:h",response="0a"',
        'Digest username="a" realm="r",nonce="n",uri="sip:h",response="0a"',
        'Digest username="a",realm="r",nonce="n",uri="sip:h",response="zz"',
        'Digest username="a",realm="r",nonce="n",uri="sip:h",response=""',
        'Digest username="a",realm="r",nonce="n",uri="sip:h",response="0a",nc=1',
        'Digest username="a",username="b",realm="r",nonce="n",uri="sip:h",response="0a"',
        'Digest username="a",realm="r",nonce="n",uri="sip:h",response="0a",garbage',
        'Digest username*=latin-1\'\'a,realm="r",nonce="n",uri="sip:h",response="0a"',
    ],
)
def test_malformed_credentials_are_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        DigestCredentials.parse(text)


def test_nonce_and_response_are_in_no_repr() -> None:
    shown = repr(DigestCredentials.parse(CREDENTIALS))
    assert "8ca523f5" not in shown
    assert "7ypf" not in shown


def test_a_challenge_is_written_with_bare_algorithm_and_quoted_qop() -> None:
    challenge = DigestChallenge("r", "n", "SHA-256", stale=True, opaque="o")
    assert str(challenge) == 'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth", opaque="o", stale=true'
    assert DigestChallenge.parse(str(challenge)) == challenge


def test_a_challenge_without_algorithm_means_md5_and_without_qop_rfc_2069() -> None:
    challenge = DigestChallenge.parse('Digest realm="r", nonce="n", domain="sip:h"')
    assert (challenge.algorithm, challenge.qop, challenge.stale) == ("MD5", (), False)


def test_a_challenge_may_offer_several_qualities() -> None:
    assert DigestChallenge.parse('Digest realm="r", nonce="n", qop="auth, AUTH-int,"').qop == ("auth", "auth-int")


@pytest.mark.parametrize(
    "text",
    ["Digest " + "a" * 16_000, 'Digest a="' + "\\" * 16_000, "Digest " + " ," * 8_000, "Digest " + 'a="' * 5_000],
)
def test_hostile_credentials_take_linear_time(text: str) -> None:
    started = time.process_time()
    with pytest.raises(RemoteProtocolError):
        DigestCredentials.parse(text)
    assert time.process_time() - started < 0.2
