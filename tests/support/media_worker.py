"""A media worker as a process of its own, and peers that send it RTP over loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sip_daemon.flow import TransportAddress
from sip_daemon.media.packets.rtp import RtpPacket
from sip_daemon.media_plane import RemoteMedia
from sip_daemon.sdp.audio import Direction
from sip_daemon.sdp.codec import Codec

PCMU = Codec(0, "PCMU", 8000)
PCMA = Codec(8, "PCMA", 8000)
EVENT_101 = Codec(101, "telephone-event", 8000, 1, "0-15")
EVENT_96 = Codec(96, "telephone-event", 8000, 1, "0-15")
ROOT = Path(__file__).parents[2]


class WorkerProcess:
    """`python -m sip_daemon.media` with a control socket in `folder`. Use as a context manager."""

    def __init__(
        self,
        folder: Path,
        index: int = 0,
        ports: str = "40000-40399",
        options: Sequence[str] = (),
        *,
        log: int | None = None,
    ) -> None:
        """`log` as `subprocess.Popen` takes it for standard output."""
        self._log = log
        self.socket = folder / f"media-{index}.sock"
        self._command = [
            sys.executable, "-m", "sip_daemon.media", "--index", str(index), "--workers", str(index + 1),
            "--socket", str(self.socket), "--ports", ports, *options,
        ]  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when its control socket answers."""
        self.process = subprocess.Popen(self._command, cwd=ROOT, stdout=self._log)
        deadline = time.monotonic() + 10
        while not self._answers():
            assert self.process.poll() is None, "the worker ended at once"
            assert time.monotonic() < deadline, "the worker does not answer"
            time.sleep(0.02)

    def run_to_end(self) -> int:
        """For one that is not expected to start: its exit status."""
        return subprocess.run(self._command, cwd=ROOT, timeout=10, check=False).returncode

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """By SIGTERM; its exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(10)

    def __enter__(self) -> WorkerProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0


class RtpPeer:
    """One phone's RTP socket, with the stream that it sends."""

    def __init__(self, host: str = "127.0.0.1", *, ssrc: int = 0x1234, payload_type: int = 0) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.settimeout(2.0)
        self.address = TransportAddress(host, self.socket.getsockname()[1])
        self.ssrc, self.payload_type = ssrc, payload_type
        self.sequence, self.timestamp = 100, 5000

    def send(
        self,
        to: TransportAddress,
        payload: bytes = bytes(160),
        *,
        payload_type: int | None = None,
        marker: bool = False,
    ) -> None:
        """The next packet of its stream."""
        number = self.payload_type if payload_type is None else payload_type
        packet = RtpPacket(number, self.sequence, self.timestamp, self.ssrc, payload)
        self.socket.sendto(packet.pack(), (to.host, to.port))
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + 160) & 0xFFFFFFFF

    def receive(self) -> RtpPacket:
        """The next RTP packet; TimeoutError after two seconds."""
        return RtpPacket.parse(self.socket.recv(2048))

    def receive_nothing(self, seconds: float = 0.1) -> bool:
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(2048)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(2.0)
        return False

    def media(
        self, *codecs: Codec, direction: Direction = Direction.SENDRECV, local: Sequence[Codec] | None = None
    ) -> RemoteMedia:
        """What its offer/answer came to."""
        agreed = codecs or (PCMU, EVENT_101)
        return RemoteMedia(self.address, agreed, tuple(local) if local is not None else agreed, direction)

    def close(self) -> None:
        self.socket.close()
