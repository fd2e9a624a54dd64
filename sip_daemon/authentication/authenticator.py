"""Digest authentication of requests (RFC 3261 §22, RFC 7616, RFC 8760): who is this device?

Theory of operation. A nonce is time, a serial number and a MAC over both and over the source of the request, so issuing
one stores nothing, and whoever answers it has received it there: the address of a datagram is proven by it. The first
good answer to it makes an entry in a bounded table: the highest nonce count seen. A count that does not grow is a
replay. The table (`used_nonces`) never forgets a nonce that could still be replayed: entries leave when the nonce is
too old, and when the table is full its older half leaves, and every nonce up to that age is too old from then on.

The rule: an unknown user and a wrong password take the same path, the same time and end in the same words. The digest
is computed before anything is decided, against a random HA1 where there is no device, and compared in constant time.

qop: `auth` is offered and `auth-int` is not. An answer without qop (RFC 2069) is taken, since old telephones give it in
spite of the offer, but it uses its nonce up: without a count there is no other way to tell a replay.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Final

from sip_daemon.authentication.used_nonces import UsedNonces
from sip_daemon.directory import Device, Directory
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import DigestChallenge, DigestCredentials, Request, Uri

STAMP_BYTES: Final = 12
"""Milliseconds in eight bytes, a serial number in four."""
MAC_BYTES: Final = 12
NONCE_LENGTH: Final = 32
"""Characters of base64. Short: a 401 with two challenges over UDP is at most three times the request."""
USED_UP: Final = 1 << 32
"""Above every nonce count, which has eight hexadecimal digits."""


ALGORITHMS: Final = ("MD5", "SHA-256")
"""In the order in which they are offered. RFC 8760 §2.3 lets a server put the one it prefers first; but many user
agents (SIPp, JsSIP, SIP.js, older telephones) read the first challenge only and give up when they do not know its
algorithm. Under a long generated password an MD5 digest gives nothing away; who insists on SHA-256 passes over it."""

MD5_ONLY: Final = ("baresip v0.", "baresip v1.")
"""User agents that give up on a challenge with an algorithm that they do not know, instead of passing over it as
RFC 8760 §2.4 wants: nothing is lost by offering them the one they can, and whoever pretends to be one of them
weakens nobody's registration but his own."""


@dataclass(frozen=True, slots=True)
class AuthenticationLimits:
    """How long a nonce may be used, and how many in use are remembered."""

    nonce_seconds: float = 300.0
    """An older one is answered with stale=true: the phone repeats by itself, nobody is asked for a password."""
    max_nonces: int = 65536
    """About 150 bytes each. When there are more, the older half is not taken any more."""


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The request comes from this device."""

    device: Device


@dataclass(frozen=True, slots=True)
class Challenge:
    """Ask for credentials: there are none for our realm, or (`stale`) good ones for a nonce that is used up."""

    stale: bool = False


@dataclass(frozen=True, slots=True)
class Denied:
    """The credentials are wrong: 403, and one failure for whoever counts them."""

    reason: str
    """For the log; safe, and the same for an unknown user and a wrong password."""
    is_proven: bool = False
    """Whether they answer a young challenge of ours to this very source: then its address is not forged."""


Verdict = Authenticated | Challenge | Denied

BAD_CREDENTIALS: Final = "unknown user or wrong password"

HASHES: Final[dict[str, Callable[[bytes], hashlib._Hash]]] = {
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False),
    "sha-256": hashlib.sha256,
}
"""The algorithms that we offer; the -sess forms and SHA-512-256 we do not."""


class Authenticator:
    """Issues challenges and verifies answers to them."""

    __slots__ = ("_limits", "_nobody", "_secret", "_serial", "_used")

    def __init__(self, secret: bytes | None = None, limits: AuthenticationLimits | None = None) -> None:
        """`secret` makes the nonces ours; by default it is random, so nonces end with the process, and phones that come
        with one are answered stale=true. With a given secret they live on, and so do replays within their time,
        because the counts do not."""
        self._secret = secret or secrets.token_bytes(32)
        self._limits = limits or AuthenticationLimits()
        self._serial = count(secrets.randbits(31))
        self._used = UsedNonces(self._limits.max_nonces, self._limits.nonce_seconds)
        self._nobody = Device(0, "", "", "", secrets.token_hex(16), secrets.token_hex(32), enabled=False)

    def challenge(
        self, realm: str, now: float, stale: bool = False, user_agent: str | None = None, source: str = ""
    ) -> list[DigestChallenge]:
        """One for each algorithm, with one nonce: a phone takes the first that it can (RFC 8760 §2.4).

        The nonce is good for `source` only (where the request came from).
        """
        nonce = self._issue(now, source)
        return [
            DigestChallenge(realm, nonce, algorithm, qop=("auth",), stale=stale)
            for algorithm in algorithms_for(user_agent)
        ]

    def verify(self, request: Request, directory: Directory, now: float, source: str = "") -> Verdict:
        """Who sent this request from `source`.

        Raises `RemoteProtocolError` (400) for an Authorization that cannot be read.
        """
        credentials = next((given for given in request.authorizations if given.realm == directory.realm), None)
        if credentials is None:
            return Challenge()
        if (credentials.algorithm or "MD5").lower() not in HASHES or credentials.qop not in (None, "auth"):
            return Denied("an algorithm or qop that was not offered")
        if credentials.qop is not None and (credentials.nonce_count is None or credentials.cnonce is None):
            raise RemoteProtocolError("qop without nc and cnonce")
        device = directory.device(credentials.username)
        right = answers(credentials, request.method, device or self._nobody)
        if device is None or not right:
            stamp = self._stamp(credentials.nonce, source)
            return Denied(BAD_CREDENTIALS, is_proven=stamp is not None and self._is_young(stamp, now))
        if not is_for(credentials.uri, request.uri, directory):
            return Denied("the digest is for another request-URI")
        return Authenticated(device) if self._use(credentials, now, source) else Challenge(stale=True)

    def _issue(self, now: float, source: str) -> str:
        stamp = int(now * 1000).to_bytes(8, "big") + (next(self._serial) & 0xFFFFFFFF).to_bytes(4, "big")
        return b64encode(stamp + self._mac(stamp, source)).decode()

    def _mac(self, stamp: bytes, source: str) -> bytes:
        # Keyed BLAKE2 is a MAC by itself (RFC 7693 §2.9); HMAC takes OpenSSL a dozen times as long to set up.
        return hashlib.blake2b(stamp + source.encode(), key=self._secret, digest_size=MAC_BYTES).digest()

    def _stamp(self, nonce: str, source: str) -> bytes | None:
        """What we wrote into a nonce for this source; None for any other."""
        if len(nonce) != NONCE_LENGTH:
            return None
        try:
            raw = b64decode(nonce, validate=True)
        except (Base64Error, ValueError):
            return None
        stamp, mac = raw[:STAMP_BYTES], raw[STAMP_BYTES:]
        return stamp if hmac.compare_digest(mac, self._mac(stamp, source)) else None

    def _use(self, credentials: DigestCredentials, now: float, source: str) -> bool:
        """Note one use of the nonce. False when it is not ours, too old, or was used with this count before."""
        stamp = self._stamp(credentials.nonce, source)
        if stamp is None or not self._is_young(stamp, now):
            return False
        used = int(credentials.nonce_count, 16) if credentials.qop and credentials.nonce_count else USED_UP
        return self._used.use(stamp, issue_time(stamp), used, now)

    def _is_young(self, stamp: bytes, now: float) -> bool:
        """A time to come is that of another clock: the machine was started anew and the secret was given."""
        issued = issue_time(stamp)
        return issued > self._used.floor and 0 <= now * 1000 - issued <= self._limits.nonce_seconds * 1000


def issue_time(stamp: bytes) -> int:
    """Milliseconds."""
    return int.from_bytes(stamp[:8], "big")


def algorithms_for(user_agent: str | None) -> tuple[str, ...]:
    """What to offer this user agent, in order."""
    return ("MD5",) if user_agent is not None and user_agent.startswith(MD5_ONLY) else ALGORITHMS


def answers(credentials: DigestCredentials, method: str, device: Device) -> bool:
    """Whether the response is that of the device's password (RFC 7616 §3.4.1)."""
    algorithm = (credentials.algorithm or "MD5").lower()
    ha1 = device.ha1_md5 if algorithm == "md5" else device.ha1_sha256
    expected = digest_response(credentials, method, ha1)
    return hmac.compare_digest(expected.encode(), credentials.response.encode())


def digest_response(credentials: DigestCredentials, method: str, ha1: str) -> str:
    """The response that these credentials should carry, in lower-case hexadecimal digits."""
    hash_of = HASHES[(credentials.algorithm or "MD5").lower()]
    ha2 = hash_of(f"{method}:{credentials.uri}".encode()).hexdigest()
    count_and_qop = f"{credentials.nonce_count}:{credentials.cnonce}:{credentials.qop}:" if credentials.qop else ""
    return hash_of(f"{ha1}:{credentials.nonce}:{count_and_qop}{ha2}".encode()).hexdigest()


def is_for(digest_uri: str, request_uri: Uri, directory: Directory) -> bool:
    """Whether the uri that was signed names what is asked for (RFC 7616 §3.4.6).

    Telephones leave out ports and parameters, write sip for sips, or sign the domain and ask the address; some sign our
    address alone for every request. A user that is named must be the same, and the host the same or another of ours.
    """
    if digest_uri == str(request_uri):
        return True
    try:
        signed = Uri.parse(digest_uri)
    except RemoteProtocolError:
        return False
    if not signed.is_sip or signed.user not in (None, request_uri.user):
        return False
    host, asked = signed.host.lower(), request_uri.host.lower()
    return host == asked or (host in directory.domains and asked in directory.domains)
