"""No secret of a message leaves the process, however the message is written; what helps does."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.trace.entry import Entry, Kind
from sip_daemon.trace.fields import cut
from sip_daemon.trace.reader import describe
from sip_daemon.trace.redaction import MAX_SHOWN, redacted

FLOW = Flow(TransportProtocol.TLS, TransportAddress("192.0.2.1", 5061), TransportAddress("192.0.2.7", 41000), 3)


def lines(*texts: str, body: str = "", kind: str = "application/sdp") -> bytes:
    head = [*texts, f"Content-Type: {kind}"] if body else list(texts)
    return ("\r\n".join(["INVITE sip:202@192.0.2.1 SIP/2.0", *head, "", ""]) + body).encode()


def shown(*texts: str) -> list[str]:
    return redacted(lines(*texts)).split("\n")[1:]


def sdp(*texts: str) -> list[str]:
    return redacted(lines(body="\r\n".join(texts) + "\r\n")).partition("\n\n")[2].split("\n")


# --- what a person needs is there -------------------------------------------------------------------------------


def test_a_digest_is_shown_without_its_proof() -> None:
    assert shown(
        'Authorization: Digest username="201", realm="r", nonce="n", response="abc", qop=auth, nc=00000001'
    ) == ['Authorization: Digest username="201", realm="r", nonce="n", response=***, qop=auth, nc=00000001']


def test_a_challenge_is_shown_whole() -> None:
    line = 'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth,auth-int", stale=true'
    assert shown(line) == [line]


def test_addresses_vias_and_routes_are_shown_as_they_are() -> None:
    texts = [
        "Via: SIP/2.0/TLS 192.0.2.7:5061;branch=z9hG4bKabc;rport",
        'From: "Ada" <sip:201@192.0.2.1>;tag=x',
        "Contact: <sip:201-0x55@192.0.2.7:5060;transport=tls>",
        "Route: <sip:p1.example.com:5060;lr>",
        "Call-ID: 1:2@host",
        "Refer-To: <sip:203@h?Replaces=a%40b%3Bto-tag%3D1>",
    ]
    assert shown(*texts) == texts


def test_a_session_description_is_shown_but_for_its_keys() -> None:
    texts = [
        "v=0",
        "c=IN IP4 192.0.2.7",
        "m=audio 4000 RTP/SAVP 0 101",
        "a=rtpmap:101 telephone-event/8000",
        "a=fingerprint:sha-256 AA:BB",
        "a=ice-ufrag:abcd",
        "a=sendrecv",
    ]
    assert sdp(*texts) == texts


def test_a_crypto_attribute_keeps_tag_suite_and_session_parameters() -> None:
    assert sdp("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0|2^31|1:1;inline:b3RoZXI=|2:1 UNENCRYPTED_SRTCP") == [
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:*** UNENCRYPTED_SRTCP"
    ]


def test_a_message_count_is_shown() -> None:
    message = lines(
        kind="application/simple-message-summary", body="Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n"
    )
    assert redacted(message).endswith("\n\nMessages-Waiting: yes\nVoice-Message: 2/8 (0/2)")


def test_what_people_write_is_not_shown_whatever_its_type_says() -> None:
    for kind in ("text/plain", "application/sdp"):
        text = f"MESSAGE sip:202@h SIP/2.0\r\nContent-Type: {kind}\r\n\r\nv=meet me at noon\r\n".encode()
        assert "noon" not in redacted(text)
        assert "19 bytes" in redacted(text)


def test_digits_in_an_info_are_not_shown() -> None:
    assert "Signal" not in redacted(lines(kind="application/dtmf-relay", body="Signal=4\r\nDuration=160\r\n"))


def test_an_unknown_field_is_shown_by_its_name() -> None:
    assert shown("X-Company-Session: 81723") == ["X-Company-Session: ***"]


@pytest.mark.parametrize("text", ["Authorization Digest response=abc", "=x: abc", "\x00To: abc"])
def test_what_is_no_field_is_not_shown(text: str) -> None:
    assert "abc" not in redacted(lines(text))


def test_folded_fields_are_shown_unfolded() -> None:
    assert shown("Subject", " : x", "To: <sip:202@h>", "\t;tag=1")[1:] == ["To: <sip:202@h> ;tag=1"]


def test_what_is_longer_than_anything_real_is_not_shown() -> None:
    assert shown(f"To: {'x' * (MAX_SHOWN + 1)}") == [f"To: *** ({MAX_SHOWN + 1} characters)"]


@pytest.mark.parametrize(
    ("written", "as_shown"),
    [
        ("sip:ada:hunter2@h", "sip:ada:***@h"),
        ("SIPS:ada:hun;ter2@h:5061", "SIPS:ada:***@h:5061"),
        ("ada:hunter2@h", "ada:***@h"),
        ("https://ada:hunter2@h/x", "https://ada:***@h/x"),
        ("sip:ada:hun@ter2@h", "sip:ada:***@h"),
        ("sip:x@y?r=sip%3Aada%3Ahunter2%40h", "sip:x@y?r=sip%3Aada%3A***%40h"),
    ],
)
def test_passwords_in_uris_are_blanked(written: str, as_shown: str) -> None:
    assert shown(f"Contact: <{written}>")[0].replace("sip%3A***", "sip%3Aada%3A***") == f"Contact: <{as_shown}>"


# --- properties ---------------------------------------------------------------------------------------------------

SECRET = st.text("ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789", min_size=16, max_size=40)
END = st.sampled_from(["\r\n", "\n", "\r", "\r\n ", "\r\n\t", "\n  "])
CASES: st.SearchStrategy[Callable[[str], str]] = st.sampled_from([str, str.lower, str.upper, str.title, str.swapcase])
GAP = st.sampled_from(["", " ", "\t", "  "])


@st.composite
def secret_lines(draw: st.DrawFn) -> tuple[str, str]:
    """A secret, and a header line that carries it."""
    secret = draw(SECRET)
    fold = draw(st.sampled_from([" ", "\r\n ", "\n\t", "  "]))
    gap = draw(GAP)
    name = draw(CASES)(draw(st.sampled_from(["Authorization", "Proxy-Authorization"])))
    uri_name = draw(CASES)(draw(st.sampled_from(["From", "f", "To", "t", "Contact", "m", "Route", "Refer-To", "r"])))
    digest = (
        f'Digest username="201",{fold}realm="x",{fold}{draw(CASES)("response")}{gap}={gap}"{secret}",{fold}qop=auth'
    )
    return secret, draw(
        st.sampled_from(
            [
                f"{name}{gap}:{gap}{digest}",
                f"{name}:{fold}Digest response={secret}",
                f'{name}: Digest username="201, response="{secret}", nonce="n"',
                f'{name}: Digest nonce="n" response="{secret}',
                f"{name}: Basic {base64.b64encode(f'201:{secret}'.encode()).decode()} {secret}",
                f"{name}: Bearer {secret}",
                f"{name} Digest response={secret}",
                f'Authentication-Info: rspauth="{secret}", nc=00000001',
                f"{uri_name}{gap}: <sip:201:{secret}@192.0.2.1>;tag=1",
                f"{uri_name}: sips:201:{secret}@h",
                f"{uri_name}: <sip:201@h?Authorization=Digest%20response%3D%22{secret}%22>",
                f"{uri_name}: <sip:201@h;token={secret}>",
                f'{uri_name}: <sip:201@h>;pn-prid="{secret}"',
                f"X-{draw(st.sampled_from(['Auth-Token', 'Key', 'Session', 'Foo']))}: {secret}",
                f'Warning: 399 h "password={secret}"',
                f"User-Agent: phone (api-key={secret})",
                f"Identity: {secret}",
                f'Reason: SIP;text="response={secret}"',
            ]
        )
    )


@st.composite
def secret_bodies(draw: st.DrawFn) -> tuple[str, str]:
    """A secret, and a body that carries it."""
    secret = draw(SECRET)
    gap = draw(GAP)
    kind = draw(st.sampled_from(["a", "A", " a"]))
    name = draw(CASES)("crypto")
    return secret, draw(
        st.sampled_from(
            [
                f"{kind}={name}:1 AES_CM_128_HMAC_SHA1_80 inline:{secret}|2^20|1:4",
                f"{kind}={name}:1 AES_CM_128_HMAC_SHA1_80 inline:xxxx;inline:{secret} FEC_KEY=inline:{secret}",
                f"{kind}={name}:{gap}1{gap}AEAD_AES_256_GCM{gap}inline:{gap}{secret}==",
                f"k=clear:{secret}",
                f"k=base64:{secret}",
                f"K={secret}",
                f"a=ice-pwd:{secret}",
                f"a=key-mgmt:mikey {secret}",
                f"a=x-vendor:{secret}",
                f"u=https://ada:{secret}@h/",
                f"a=fmtp:97 token={secret}",
                secret,
                f"Authorization: Digest response={secret}",
            ]
        )
    )


@st.composite
def messages(draw: st.DrawFn) -> tuple[set[str], bytes]:
    """A message with secrets, whole or broken, and what they are."""
    found: list[tuple[str, str]] = draw(st.lists(secret_lines(), min_size=1, max_size=4))
    body: list[tuple[str, str]] = draw(st.lists(secret_bodies(), max_size=3))
    end = draw(st.sampled_from(["\r\n", "\n", "\r"]))
    starts = ["INVITE sip:202@h SIP/2.0", "SIP/2.0 200 OK", "MESSAGE sip:2@h SIP/2.0", "", "garbage", "INVITE  x"]
    kinds = ["application/sdp", "Application/SDP;charset=utf-8", "text/plain", "", "multipart/mixed;boundary=x"]
    kind = draw(st.sampled_from(kinds))
    name = draw(st.sampled_from(["Content-Type", "c", "CONTENT-TYPE"]))
    head = [draw(st.sampled_from(starts)), "Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKx", "Call-ID: a@b"]
    head += [line for _, line in found] + ([f"{name}: {kind}"] if kind else [])
    blank = draw(st.sampled_from([end, "\r\n", ""]))
    text = end.join(head) + end + blank + end.join(line for _, line in body)
    data = text.encode("latin-1")
    cuts = draw(st.integers(0, 20))
    return {secret for secret, _ in (*found, *body)}, data[cuts:] if draw(st.booleans()) else data


@settings(max_examples=400, deadline=None)
@given(messages())
def test_no_secret_survives_in_anything_that_is_told_of_a_message(message: tuple[set[str], bytes]) -> None:
    secrets, data = message
    told = json.dumps(describe(Entry(1, 0.0, Kind.RECEIVED, FLOW, data), 0.0))
    for secret in secrets:
        assert secret not in told
        assert secret[:12] not in told


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_are_told_of_without_an_error(data: bytes) -> None:
    told = describe(Entry(1, 0.0, Kind.SENT, FLOW, data), 0.0)
    assert told["kind"] in ("request", "response", "malformed")
    cut(data)


def test_a_hostile_message_takes_no_long_time() -> None:
    """Patterns that read a text again and again would hold up the phones."""
    for piece in ("a=", "pass", "sip:a:", "x@", "%3a", 'a="\\"', "inline:", "a:b", "\\", '"'):
        longest = [f"To: {piece * (1900 // len(piece))}"] * 7
        started = time.process_time()
        redacted(lines(f"To: {piece * (16_000 // len(piece))}", *longest))
        assert time.process_time() - started < 0.5
