"""What a SIP server is to a measurement, and how it is asked whether it answers."""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

OPTIONS = (
    "OPTIONS sip:{server} SIP/2.0\r\n"
    "Via: SIP/2.0/UDP {own};branch=z9hG4bKprobe{number};rport\r\n"
    "Max-Forwards: 70\r\n"
    "From: <sip:probe@{own}>;tag=probe\r\n"
    "To: <sip:{server}>\r\n"
    "Call-ID: probe{number}@{own}\r\n"
    "CSeq: 1 OPTIONS\r\n"
    "Content-Length: 0\r\n\r\n"
)


class SipServer(Protocol):
    """Started when it is entered, ended when it is left; a measurement may be entered once."""

    name: str
    server: str
    """Host and port of its SIP."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def cpu_seconds(self) -> float:
        """Of all its processes that the work went through."""

    def memory_kib(self) -> float:
        """Of the process that keeps registrations and calls."""


PORTS = range(30000, 32768)
"""Above those of the relays and below those that the kernel gives to whoever asks for any."""


def two_way_port() -> int:
    """A port that is free for UDP and for TCP, and stays so until it is taken."""
    while True:
        port = random.choice(PORTS)
        with (
            suppress(OSError),
            socket.socket() as stream,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        ):
            stream.bind(("127.0.0.1", port))
            datagrams.bind(("127.0.0.1", port))
            return port


class Probe:
    """Asks a server, with OPTIONS over UDP, whether it is there."""

    def __init__(self, server: str) -> None:
        self._server = server
        host, port = server.split(":")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.005)
        self._address = (host, int(port))
        self._number = 0

    def answers(self) -> bool:
        """Any answer counts; waits 5 ms for it. An earlier request's answer is as good."""
        own = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._number += 1
        text = OPTIONS.format(server=self._server, own=own, number=self._number)
        with suppress(OSError):
            self._socket.sendto(text.encode(), self._address)
            return self._socket.recv(4096).startswith(b"SIP/2.0 ")
        return False

    def close(self) -> None:
        self._socket.close()
