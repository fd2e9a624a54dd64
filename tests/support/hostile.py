"""A stranger on loopback with an address of his own (127.0.0.66), and what he tries over UDP or TCP."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType

from sip_daemon.message import DigestChallenge, Request, Response, parse_message
from tests.support.digest import authorize

NUMBERS = count(1)


@dataclass
class Stranger:
    """Sends what a test says and hears what comes back. To be used with `with`."""

    port: int
    """Of the daemon, on 127.0.0.1."""
    host: str = "127.0.0.66"
    patience: float = 2.0
    _socket: socket.socket = field(init=False)

    def __enter__(self) -> Stranger:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((self.host, 0))
        self._socket.connect(("127.0.0.1", self.port))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def request(self, method: str, uri: str = "sip:127.0.0.1", user: str = "100", **headers: str) -> Request:
        number = next(NUMBERS)
        host, port = self._socket.getsockname()
        own = f"{host}:{port}"
        lines = {
            "Via": f"SIP/2.0/UDP {own};branch=z9hG4bK{number};rport",
            "Max-Forwards": "70",
            "From": f"<sip:{user}@127.0.0.1>;tag=t{number}",
            "To": f"<sip:{user}@127.0.0.1>",
            "Call-ID": f"c{number}@{self.host}",
            "CSeq": f"1 {method}",
            "Contact": f"<sip:{user}@{own}>",
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        text = f"{method} {uri} SIP/2.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        message = parse_message((text + "Content-Length: 0\r\n\r\n").encode())
        assert isinstance(message, Request)
        return message

    def exchange(self, data: bytes, patience: float | None = None) -> bytes | None:
        """The first datagram that comes back; None for silence."""
        self._socket.settimeout(self.patience if patience is None else patience)
        self._socket.send(data)
        try:
            return self._socket.recv(65535)
        except (TimeoutError, ConnectionRefusedError):
            return None

    def ask(self, request: Request, patience: float | None = None) -> Response | None:
        answer = self.exchange(bytes(request), patience)
        if answer is None:
            return None
        response = parse_message(answer)
        assert isinstance(response, Response)
        return response

    def guess(self, user: str, password: str, patience: float | None = None) -> int | None:
        """Register with that password; the status of the last answer, None for silence."""
        first = self.request("REGISTER", user=user)
        challenged = self.ask(first, patience)
        if challenged is None or challenged.status != 401:
            return challenged.status if challenged is not None else None
        challenge = DigestChallenge.parse(challenged.headers.get_all("WWW-Authenticate")[0])
        answer = self.ask(authorize(self.request("REGISTER", user=user), challenge, user, password=password), patience)
        return answer.status if answer is not None else None

    def connects(self) -> bool:
        """Whether a TCP connection from here is kept open."""
        with socket.create_connection(("127.0.0.1", self.port), 2.0, (self.host, 0)) as connection:
            connection.settimeout(0.3)
            try:
                return connection.recv(1) != b""
            except TimeoutError:
                return True
            except ConnectionResetError:
                return False
