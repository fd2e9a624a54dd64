"""A real baresip without a sound card: it plays a tone, records what it hears and is driven over its control socket."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from tests.support.tones import write_tone
from tests.support.waiting import free_port, wait_for

MODULES = "/usr/lib/baresip/modules"


def is_available() -> bool:
    return shutil.which("baresip") is not None


class Baresip:
    """One phone with one account. Use it as a context manager; `answer` makes it take calls by itself."""

    def __init__(
        self,
        folder: Path,
        *,
        username: str,
        password: str,
        server: str,
        tone: float,
        transport: str = "udp",
        domain: str = "localhost",
        answer: bool = False,
        codecs: str = "PCMU,PCMA",
        host: str = "127.0.0.1",
        register: bool = True,
    ) -> None:
        self.folder = folder
        self.username = username
        self.events: list[dict[str, Any]] = []
        folder.mkdir(parents=True)
        write_tone(folder / "tone.wav", tone)
        self._control_port = free_port()
        (folder / "config").write_text(self._config(host))
        (folder / "contacts").write_text("")
        regint = 600 if register else 0
        (folder / "accounts").write_text(
            f"<sip:{username}@{domain};transport={transport}>;auth_user={username};auth_pass={password};"
            f'answermode={"auto" if answer else "manual"};outbound="sip:{server};transport={transport}";'
            f"regint={regint};audio_codecs={codecs};mediaenc=none;mwi=no\n"
        )
        self._domain = domain
        self._answered = threading.Event()

    def _config(self, host: str) -> str:
        sip_port, rtp_port = free_port(host, socket.SOCK_DGRAM), free_port(host, socket.SOCK_DGRAM) & ~1
        modules = ("g711", "sndfile", "aufile", "aubridge")
        bracketed = f"[{host}]" if ":" in host else host
        return "\n".join(
            [
                f"sip_listen {bracketed}:{sip_port}",
                f"audio_source aufile,{self.folder}/tone.wav",
                "audio_player aubridge,sink",
                "audio_alert aubridge,alert",
                "ausrc_srate 8000",
                "auplay_srate 8000",
                "ausrc_channels 1",
                "auplay_channels 1",
                f"rtp_ports {rtp_port}-{rtp_port + 20}",
                f"module_path {MODULES}",
                *(f"module {name}.so" for name in modules),
                f"snd_path {self.folder}",
                "module_tmp uuid.so",
                "module_tmp account.so",
                "module_app menu.so",
                "module_app ctrl_tcp.so",
                f"ctrl_tcp_listen 127.0.0.1:{self._control_port}",
                "",
            ]
        )

    def __enter__(self) -> Baresip:
        self._log = (self.folder / "log").open("wb")
        self._process = subprocess.Popen(
            ["baresip", "-f", str(self.folder), "-s"],
            stdin=subprocess.PIPE,  # baresip polls its standard input and cannot do so with /dev/null
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._control = wait_for(self._connect, "baresip's control socket")
        self._reader = threading.Thread(target=self._read_events, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._control.close()
        self._log.close()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _connect(self) -> socket.socket | None:
        if self._process.poll() is not None:
            raise AssertionError(f"baresip ended: {self.log[-2000:]}")
        try:
            return socket.create_connection(("127.0.0.1", self._control_port), timeout=None)
        except OSError:
            return None

    def _read_events(self) -> None:
        buffer = b""
        while True:
            try:
                data = self._control.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffer += data
            while b":" in buffer:
                length_text, _, rest = buffer.partition(b":")
                length = int(length_text)
                if len(rest) < length + 1:
                    break
                self.events.append({"at": time.monotonic()} | json.loads(rest[:length]))
                buffer = rest[length + 1 :]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def command(self, name: str, params: str = "") -> None:
        payload = json.dumps({"command": name, "params": params, "token": name}).encode()
        self._control.sendall(b"%d:%s," % (len(payload), payload))

    def has_event(self, kind: str, after: int = 0) -> dict[str, Any] | None:
        return next((event for event in self.events[after:] if event.get("type") == kind), None)

    def wait_event(self, kind: str, seconds: float = 10.0, after: int = 0) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            return self.has_event(kind, after)

        try:
            return wait_for(look, f"{kind} at {self.username}", seconds=seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; its log ends with:\n{self.log[-3000:]}") from None

    def wait_registered(self, seconds: float = 10.0) -> None:
        # The first REGISTER may be over before the control socket is connected: the log knows too.
        wait_for(
            lambda: self.has_event("REGISTER_OK") or "200 OK" in self.log,
            f"the registration of {self.username}; log: {self.folder}/log",
            seconds=seconds,
        )

    def dial(self, number: str) -> None:
        self.command("dial", f"sip:{number}@{self._domain}")

    def accept(self) -> None:
        self.command("accept")

    def hang_up(self) -> None:
        self.command("hangup")

    def recording(self) -> Path:
        """The newest recording of what this phone heard; ready some 0.7 s after the call."""
        files = sorted(self.folder.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime)
        if not files:
            raise AssertionError(f"{self.username} recorded nothing")
        return files[-1]
