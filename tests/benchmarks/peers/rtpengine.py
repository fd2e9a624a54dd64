"""rtpengine in userspace with one thread, commanded by its NG protocol: a cookie and a bencoded dictionary over UDP."""

from __future__ import annotations

import re
import shutil
import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.benchmarks.comparison.programs import Program, ProgramError
from tests.benchmarks.comparison.server import two_way_port

PROGRAM = "rtpengine"
PORTS = ("10000", "19999")
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
)


def is_available() -> bool:
    return shutil.which(PROGRAM) is not None


def bencode(value: str | dict[str, str]) -> bytes:
    if isinstance(value, str):
        data = value.encode()
        return b"%d:%s" % (len(data), data)
    parts = (bencode(name) + bencode(item) for name, item in sorted(value.items()))
    return b"d" + b"".join(parts) + b"e"


class Rtpengine:
    """A relay between two ends for each call."""

    name = "rtpengine"

    def __init__(self) -> None:
        self._folder = Path()
        self.program: Program
        self._socket: socket.socket
        self._cookie = 0

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="rtpengine-bench-"))
        port = two_way_port()
        command = [
            PROGRAM, "--foreground", "--log-stderr", "--log-level=3", "--table=-1", "--interface=127.0.0.1",
            f"--listen-ng=127.0.0.1:{port}", "--num-threads=1", "--media-num-threads=1",
            f"--port-min={PORTS[0]}", f"--port-max={PORTS[1]}", f"--pidfile={self._folder / 'pid'}",
        ]  # fmt: skip
        self.program = Program(PROGRAM, command, self._folder / "log")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        try:
            self.program.start()
            self.program.wait_until(self._answers)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self.program.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def cpu_seconds(self) -> float:
        return self.program.cpu_seconds()

    def memory_kib(self) -> float:
        return self.program.memory_kib()

    def relay(self, number: int, ends: tuple[int, int]) -> tuple[int, int]:
        """Open a call between two ports on loopback: the relay's own ports towards each of them."""
        names = {"call-id": f"call-{number}", "from-tag": "a"}
        offered = self._ask({"command": "offer", "sdp": SDP.format(port=ends[0]), **names})
        answered = self._ask({"command": "answer", "sdp": SDP.format(port=ends[1]), "to-tag": "b", **names})
        return audio_port(answered), audio_port(offered)

    def _answers(self) -> bool:
        try:
            return b"pong" in self._ask({"command": "ping"}, seconds=0.05)
        except OSError:
            return False

    def _ask(self, command: dict[str, str], seconds: float = 5.0) -> bytes:
        self._cookie += 1
        cookie = b"%d " % self._cookie
        self._socket.settimeout(seconds)
        self._socket.send(cookie + bencode(command))
        while True:
            answer = self._socket.recv(65536)
            if answer.startswith(cookie):
                return answer


def audio_port(answer: bytes) -> int:
    found = re.search(rb"m=audio (\d+) ", answer)
    if found is None:
        raise ProgramError(f"rtpengine: {answer[:200].decode(errors='replace')}")
    return int(found[1])
