"""A real linphonec without a sound card, driven by its standard input and read by its log."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

from tests.support.tones import write_tone
from tests.support.waiting import free_port, wait_for


def is_available() -> bool:
    return shutil.which("linphonec") is not None


class Linphone:
    """One phone with one account. Use it as a context manager."""

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
        codecs: tuple[str, ...] = ("PCMU", "PCMA"),
    ) -> None:
        self.folder = folder
        self.username = username
        self._answer = answer
        self._domain = domain
        (folder / ".local" / "share" / "linphone").mkdir(parents=True)
        write_tone(folder / "tone.wav", tone)
        # Version 5.3 plays what its configuration names as music on hold, 5.1 what the command "play" names.
        music = f"[sound]\nhold_music={folder}/tone.wav\n"
        (folder / "rc").write_text(self._config(username, password, server, transport, domain, codecs) + music)

    @staticmethod
    def _config(username: str, password: str, server: str, transport: str, domain: str, codecs: tuple[str, ...]) -> str:
        rtp_port = free_port(kind=socket.SOCK_DGRAM) & ~1
        # A port by number: with -1 (any) this version has no listening point for UDP.
        sip_port = free_port(kind=socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
        ports = {"udp": "sip_port", "tcp": "sip_tcp_port", "tls": "sip_tls_port"}
        codec_sections = "".join(
            f"[audio_codec_{index}]\nmime={name}\nrate=8000\nchannels=1\nenabled=1\n"
            for index, name in enumerate(codecs)
        )
        return (
            "[sip]\n"
            + "".join(f"{key}={sip_port if name == transport else 0}\n" for name, key in ports.items())
            + "media_encryption=none\nmedia_encryption_mandatory=0\n"
            "register_only_when_network_is_up=0\ndefault_proxy=0\n"
            f"[rtp]\naudio_rtp_port={rtp_port}-{rtp_port + 20}\n"
            f"[proxy_0]\nreg_proxy=<sip:{server};transport={transport}>\n"
            f"reg_route=<sip:{server};transport={transport}>\n"
            f"reg_identity=sip:{username}@{domain}\nreg_expires=600\nreg_sendregister=1\npublish=0\n"
            f"[auth_info_0]\nusername={username}\npasswd={password}\nrealm={domain}\ndomain={domain}\n{codec_sections}"
        )

    def __enter__(self) -> Linphone:
        arguments = ["linphonec", "-c", str(self.folder / "rc"), "-d", "5", "-l", str(self.folder / "log")]
        self._output = (self.folder / "out").open("wb")
        self._process = subprocess.Popen(
            [*arguments, *(["-a"] if self._answer else [])],
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env={"HOME": str(self.folder), "PATH": os.environ["PATH"]},
        )
        self.send("soundcard use files")
        self.send(f"play {self.folder}/tone.wav")
        self.send(f"record {self.recording()}")
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self.send("quit")
            self._process.wait(5)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._output.close()

    def send(self, line: str) -> None:
        if self._process.stdin is None:
            raise AssertionError("linphonec has no standard input")
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    @property
    def log(self) -> str:
        try:
            return (self.folder / "log").read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def wait_log(self, pattern: str, seconds: float = 15.0, count: int = 1) -> None:
        wait_for(
            lambda: len(re.findall(pattern, self.log)) >= count,
            f"{pattern!r} in the log of {self.username}: {self.folder}/log",
            seconds=seconds,
        )

    def wait_registered(self, seconds: float = 15.0) -> None:
        self.wait_log(r"to \[?LinphoneRegistrationOk", seconds)

    def dial(self, number: str) -> None:
        self.send(f"call sip:{number}@{self._domain}")

    def wait_running(self, count: int = 1) -> None:
        self.wait_log("to LinphoneCallStreamsRunning", count=count)

    def hang_up(self) -> None:
        self.send("terminate")

    def wait_released(self) -> None:
        """After this the recording is complete."""
        self.wait_log("to LinphoneCallReleased")

    def recording(self) -> Path:
        return self.folder / "heard.wav"
