"""Somebody who tries numbers and passwords all the time, as the scanners of the internet do."""

from __future__ import annotations

import random
import re
import socket
import time
from collections import Counter
from contextlib import suppress

from tests.benchmarks.comparison.background import Background

METHODS = ("REGISTER", "REGISTER", "REGISTER", "INVITE", "OPTIONS")
STAY_SECONDS = 60.0
"""At one address; then it comes from the next, since the old one has been found out."""
REQUEST = (
    "{method} sip:{number}@{server} SIP/2.0\r\n"
    "Via: SIP/2.0/UDP {own};branch=z9hG4bK{serial}x{salt:x};rport\r\n"
    "Max-Forwards: 70\r\n"
    'From: "{number}" <sip:{number}@{server}>;tag={salt:x}\r\n'
    "To: <sip:{number}@{server}>\r\n"
    "Call-ID: {serial}x{salt:x}\r\n"
    "CSeq: {serial} {method}\r\n"
    "Contact: <sip:{number}@{own}>\r\n"
    "{credentials}"
    "User-Agent: friendly-scanner\r\n"
    "Content-Length: 0\r\n\r\n"
)
CREDENTIALS = (
    'Authorization: Digest username="{number}", realm="{realm}", nonce="{nonce}", uri="sip:{number}@{server}", '
    'response="{salt:032x}", algorithm=MD5\r\n'
)
REGISTERED = re.compile(rb"\nCSeq: *\d+ REGISTER\r\n")
CHALLENGE = re.compile(rb'realm="([^"]+)".*?nonce="([^"]+)"', re.DOTALL)


class Scanner(Background):
    """Works while it is entered. `answers` counts by status."""

    def __init__(self, server: str, numbers: range, rate: float, network: str = "127.66.0") -> None:
        super().__init__()
        self.sent = 0
        self.answers: Counter[int] = Counter()
        self.broken_in = 0
        """Its registrations that were taken: each is a catastrophe."""
        self._server, self._numbers, self._pause, self._network = server, numbers, 1 / rate, network
        host, port = server.split(":")
        self._address = (host, int(port))
        self._random = random.Random(4475)
        self._challenge: tuple[str, str] | None = None

    def _run(self) -> None:
        place = 0
        while not self._ending.is_set():
            place += 1
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
                own.bind((f"{self._network}.{place % 250 + 1}", 0))
                own.setblocking(False)
                self._scan_from(own)

    def _scan_from(self, own: socket.socket) -> None:
        leave = time.monotonic() + STAY_SECONDS
        while time.monotonic() < leave and not self._ending.wait(self._pause):
            self.sent += 1
            with suppress(OSError):
                own.sendto(self._request(own), self._address)
            with suppress(BlockingIOError):
                while True:
                    self._take(own.recv(65_535))

    def _request(self, own: socket.socket) -> bytes:
        host, port = own.getsockname()
        known = {
            "number": self._random.choice(self._numbers),
            "server": self._server,
            "salt": self._random.getrandbits(120),
        }
        credentials = ""
        if self._challenge is not None and self._random.random() < 0.5:
            realm, nonce = self._challenge
            credentials = CREDENTIALS.format(realm=realm, nonce=nonce, **known)
        method = self._random.choice(METHODS)
        text = REQUEST.format(method=method, own=f"{host}:{port}", serial=self.sent, credentials=credentials, **known)
        return text.encode()

    def _take(self, answer: bytes) -> None:
        status = int(answer[8:11])
        self.answers[status] += 1
        self.broken_in += status == 200 and REGISTERED.search(answer) is not None
        found = CHALLENGE.search(answer)
        if found:
            self._challenge = found[1].decode(), found[2].decode()
