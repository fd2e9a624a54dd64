"""The phone's half of digest authentication, and a directory of devices with known passwords."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from types import MappingProxyType

from sip_daemon.authentication import digest_response
from sip_daemon.directory import Device, Directory, Extension
from sip_daemon.message import DigestChallenge, DigestCredentials, Request

REALM = "gosip.test"


def ha1(username: str, password: str, algorithm: str = "MD5", realm: str = REALM) -> str:
    hash_of = hashlib.md5 if algorithm == "MD5" else hashlib.sha256
    return hash_of(f"{username}:{realm}:{password}".encode()).hexdigest()


def device(username: str, number: int = 1, *, enabled: bool = True) -> Device:
    """A device whose password is its username backwards."""
    password = username[::-1]
    return Device(
        number, username, username, "", ha1(username, password), ha1(username, password, "SHA-256"), enabled=enabled
    )


def directory(*usernames: str, domains: tuple[str, ...] = ("192.0.2.1", "gosip.test")) -> Directory:
    """One extension with one device for each name."""
    devices = {name: device(name, number) for number, name in enumerate(usernames, 1)}
    extensions = {name: Extension(number, name, name, (name,)) for number, name in enumerate(usernames, 1)}
    return Directory(1, REALM, frozenset(domains), MappingProxyType(devices), MappingProxyType(extensions))


def credentials(
    request: Request,
    challenge: DigestChallenge,
    username: str = "1001",
    password: str | None = None,
    *,
    count: int = 1,
    qop: str | None = "auth",
    uri: str | None = None,
) -> DigestCredentials:
    """A right answer unless told otherwise."""
    unsigned = DigestCredentials(
        username=username,
        realm=challenge.realm,
        nonce=challenge.nonce,
        uri=uri or str(request.uri),
        response="",
        algorithm=challenge.algorithm,
        cnonce="0a4f113b" if qop else None,
        qop=qop,
        nonce_count=f"{count:08x}" if qop else None,
    )
    key = ha1(username, username[::-1] if password is None else password, challenge.algorithm, challenge.realm)
    return replace(unsigned, response=digest_response(unsigned, request.method, key))


def authorize(request: Request, challenge: DigestChallenge, username: str = "1001", **options: object) -> Request:
    """A copy of the request with the answer. Options are those of `credentials`."""
    made = request.copy()
    made.headers.set("Authorization", str(credentials(request, challenge, username, **options)))  # type: ignore[arg-type]
    return made
