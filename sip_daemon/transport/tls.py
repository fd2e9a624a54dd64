"""TLS of the listeners: the policy as a value, the context made from it, and the handshake of one accepted connection.

A context that serves is never changed: a new one is built, checked and put in its place, and each connection shakes
hands with the one that is current at that moment. Open connections keep theirs until they end.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sip_daemon.errors import SipError
from sip_daemon.transport.client_hello import ClientHello, what_else
from sip_daemon.transport.handshake_failures import NOT_FINISHED, HandshakeFailures, why_failed

PEEK_BYTES: Final = 4096
"""A ClientHello has 200 to 1,800 bytes; what is left out is of no use to a person."""
HANDSHAKE_RECORD: Final = 22
"""The content type with which every TLS connection begins (RFC 8446 §5.1)."""


class TlsError(SipError):
    """No context can be made. The text says what, why and what to do."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Files of a certificate with its chain, leaf first, and of its key."""

    chain: Path
    key: Path


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """All that a server context is made from."""

    key_pairs: tuple[KeyPair, ...]
    """One for each type of key at most: which one is served is settled in each handshake."""
    ciphers: str
    """Of TLS 1.2, in the notation of OpenSSL."""
    min_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    client_auth: ssl.VerifyMode = ssl.CERT_NONE
    ca_file: Path | None = None
    """The authorities whose client certificates are taken."""

    def make_context(self) -> ssl.SSLContext:
        """A new context; it reads files. Raises `TlsError`."""
        if not self.key_pairs:
            raise TlsError("There is no certificate to serve.")
        if self.client_auth is not ssl.CERT_NONE and self.ca_file is None:
            raise TlsError(
                "Phones are asked for a certificate, but no authority is named whose certificates are good. "
                "Name the file of its certificate, or ask for none."
            )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = self.min_version
        context.options |= ssl.OP_NO_RENEGOTIATION
        try:
            context.set_ciphers(self.ciphers)
        except ssl.SSLError as error:
            raise TlsError(f"No cipher suite is left of {self.ciphers}.") from error
        for pair in self.key_pairs:
            load_pair(context, pair)
        if self.ca_file is not None and self.client_auth is not ssl.CERT_NONE:
            load_authorities(context, self.ca_file)
            context.verify_mode = self.client_auth
        return context


def load_pair(context: ssl.SSLContext, pair: KeyPair) -> None:
    try:
        # A password is never asked for: with a terminal at hand OpenSSL would wait there for one.
        context.load_cert_chain(pair.chain, pair.key, password=lambda: b"")
    except ssl.SSLError as error:
        reason = "the key does not belong to the certificate" if "MISMATCH" in str(error) else "it is no whole pair"
        raise TlsError(f"The certificate in {pair.chain.parent} cannot be served: {reason}.") from error
    except OSError as error:
        raise TlsError(f"The certificate in {pair.chain.parent} cannot be read: {error.strerror}.") from error


def load_authorities(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise TlsError(f"{path} holds no certificate of an authority in PEM form.") from error
    except OSError as error:
        raise TlsError(f"{path}, the authorities of client certificates, cannot be read: {error.strerror}.") from error


class TlsServer:
    """The current context, and the handshakes with it. `report` hears of failures, at most once a minute and source."""

    def __init__(
        self,
        handshake_seconds: float,
        now: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.context: ssl.SSLContext | None = None
        self.trouble = "Encryption is not switched on."
        """Why there is no context."""
        self.failures = HandshakeFailures(now, wall_clock)
        self._handshake_seconds = handshake_seconds
        self._loop = asyncio.get_running_loop()

    async def accept(self, sock: socket.socket, peer: str, port: int, new: Callable[[], asyncio.Protocol]) -> None:
        """Shake hands on a connection that came to `port`; its protocol begins when that has succeeded.

        The socket is closed when it fails. Raises nothing but cancellation.
        """
        hello = b""
        has_begun = False
        try:
            async with asyncio.timeout(self._handshake_seconds) as deadline:
                hello = await self._peek(sock)
            context = self.context
            if not hello or context is None:
                return  # Whoever says nothing and goes is somebody's health check.
            if hello[0] != HANDSHAKE_RECORD:
                self.failures.note(peer, port, what_else(hello))
                return
            remaining = max(0.1, (deadline.when() or 0.0) - self._loop.time())
            await self._loop.connect_accepted_socket(new, sock, ssl=context, ssl_handshake_timeout=remaining)
            has_begun = True
        except TimeoutError:
            self.failures.note(peer, port, NOT_FINISHED if hello else "It began no handshake in time.")
        except OSError as error:
            if hello:
                self.failures.note(peer, port, why_failed(error, ClientHello.parse(hello), self.context))
        finally:
            if not has_begun:
                sock.close()

    async def _peek(self, sock: socket.socket) -> bytes:
        """The first bytes, which stay for the handshake to read. Raises OSError."""
        with contextlib.suppress(BlockingIOError):
            return sock.recv(PEEK_BYTES, socket.MSG_PEEK)
        has_come = asyncio.Event()
        descriptor = sock.fileno()
        self._loop.add_reader(descriptor, has_come.set)
        try:
            await has_come.wait()
        finally:
            self._loop.remove_reader(descriptor)
        return sock.recv(PEEK_BYTES, socket.MSG_PEEK)
