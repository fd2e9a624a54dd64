"""Why handshakes failed, in words that tell a person what to do, and who failed lately.

Strangers may knock as often as they like: the list is bounded, and `report` hears of one source once a minute.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from sip_daemon.transport.client_hello import VERSIONS, ClientHello
from sip_daemon.transport.guard import OncePerSource, TokenBucket

KEPT: Final = 50
"""The latest ones."""
REPORTS_PER_MINUTE: Final = 20
"""Of all sources together; whoever has a whole network at hand fills no table with it."""
SHOWN_SUITES: Final = 8
NOT_FINISHED: Final = "It did not finish the handshake in time."


@dataclass(frozen=True, slots=True)
class HandshakeFailure:
    """One source that failed for one reason."""

    at: float
    """Unix seconds, of the last time."""
    source: str
    port: int
    reason: str
    count: int = 1


class HandshakeFailures:
    """The last ones, the newest first. `now` is monotonic."""

    def __init__(self, now: Callable[[], float], wall_clock: Callable[[], float]) -> None:
        self.report: Callable[[HandshakeFailure], None] = lambda failure: None  # noqa: ARG005
        self._now, self._wall_clock = now, wall_clock
        self._kept: dict[tuple[str, int, str], HandshakeFailure] = {}
        self._once = OncePerSource()
        self._all = TokenBucket(REPORTS_PER_MINUTE / 60, REPORTS_PER_MINUTE, REPORTS_PER_MINUTE, now())

    def note(self, source: str, port: int, reason: str) -> None:
        key = (source, port, reason)
        former = self._kept.pop(key, None)
        at = self._wall_clock()
        failure = replace(former, at=at, count=former.count + 1) if former else HandshakeFailure(at, *key)
        self._kept[key] = failure
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        now = self._now()
        if self._once.admit(source, "handshake", now) is not None and self._all.take(now):
            self.report(failure)

    @property
    def latest(self) -> tuple[HandshakeFailure, ...]:
        return tuple(reversed(self._kept.values()))


def why_failed(error: OSError, hello: ClientHello, context: ssl.SSLContext | None) -> str:
    """One sentence or two."""
    if isinstance(error, ConnectionAbortedError):
        return NOT_FINISHED
    if not isinstance(error, ssl.SSLError) or isinstance(error, ssl.SSLEOFError):
        return "It closed the connection during the handshake and gave no reason: mostly it does not trust us."
    reason = error.reason or ""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate was refused: {error.verify_message or 'it cannot be verified'}."
    if reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return "It showed no certificate of its own, and one is required."
    if reason in ("UNSUPPORTED_PROTOCOL", "VERSION_TOO_LOW", "WRONG_VERSION_NUMBER", "INAPPROPRIATE_FALLBACK"):
        return too_old(hello, context)
    if reason in ("NO_SHARED_CIPHER", "NO_SUITABLE_SIGNATURE_ALGORITHM"):
        return no_common_suite(hello, context)
    if "ALERT" in reason:
        return of_alert(reason)
    return f"The handshake failed: {reason.replace('_', ' ').lower() or 'no reason was given'}."


def too_old(hello: ClientHello, context: ssl.SSLContext | None) -> str:
    lowest = VERSIONS.get(context.minimum_version, "TLS 1.2") if context is not None else "TLS 1.2"
    if hello.newest is None:
        return f"It speaks a version of TLS that is not known here; {lowest} is the lowest that is taken."
    newest = VERSIONS[hello.newest]
    return f"It speaks {newest} at most, and {lowest} is the lowest that is taken. Newer firmware may help."


def no_common_suite(hello: ClientHello, context: ssl.SSLContext | None) -> str:
    ours = {cipher["name"] for cipher in context.get_ciphers()} if context is not None else set()
    common = [name for name in hello.suite_names if name in ours]
    if common:  # The suites would do, the kind of key does not.
        wanted = "an RSA" if hello.takes_key("RSA") else "an ECDSA"
        return f"It can use only {wanted} certificate, and none is installed. Let certificates of both kinds be made."
    shown = ", ".join(hello.suite_names[:SHOWN_SUITES]) or "none that could be read"
    more = len(hello.suite_names) - SHOWN_SUITES
    shown = f"{shown} and {more} more" if more > 0 else shown
    return f"It offers no cipher suite that is allowed here, but {shown}. The compatible suites may help."


ALERTS: Final = (
    ("UNKNOWN_CA", "It does not trust our certificate: it does not know the authority. Install the root on it."),
    ("BAD_CERTIFICATE", "It refuses our certificate: the name, the authority or the form does not suit it."),
    ("CERTIFICATE_EXPIRED", "It takes our certificate for expired. Look at the clocks, then at the certificate."),
    ("CERTIFICATE_UNKNOWN", "It refuses our certificate, and does not say why: mostly the name or the authority."),
    ("UNSUPPORTED_CERTIFICATE", "It cannot use the kind of certificate that we have."),
    ("PROTOCOL_VERSION", "It finds no version of TLS that both sides speak."),
    ("HANDSHAKE_FAILURE", "It finds nothing in common with us: versions, suites or kinds of key."),
)
"""What a client says when it ends the handshake (RFC 8446 §6.2), by the end of OpenSSL's word for it."""


def of_alert(reason: str) -> str:
    for ending, sentence in ALERTS:
        if reason.endswith(ending):
            return sentence
    said = reason.partition("ALERT_")[2].replace("_", " ").lower()
    return f"It ended the handshake: {said}."
