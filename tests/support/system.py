"""A whole GoSIP for a test: `gosip up` in a folder of its own, on loopback and ports of its own."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.waiting import free_port

ROOT = Path(__file__).parent.parent.parent


@dataclass(slots=True)
class Account:
    """A device that was added, with the password that was shown once."""

    number: str
    username: str
    password: str


@dataclass
class GosipSystem:
    """Use it as a context manager: it is up inside, and down afterwards."""

    environment: dict[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        # Short, since the sockets lie in it and the kernel limits the length of their paths.
        self.folder = Path(tempfile.mkdtemp(prefix="gosip-"))
        self.data = self.folder / "data"
        rtp_base = random.randrange(20000, 29000, 200)
        self.sip_port = free_port(self.host, socket.SOCK_DGRAM)
        self.https_port = free_port(self.host)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GOSIP_")}
        self.variables = inherited | {
            "GOSIP_DATA_DIR": str(self.data),
            "GOSIP_BIND_ADDRESS": self.host,
            "GOSIP_SIP_PORT": str(self.sip_port),
            "GOSIP_HTTP_PORT": str(free_port(self.host)),
            "GOSIP_HTTPS_PORT": str(self.https_port),
            "GOSIP_RTP_PORTS": f"{rtp_base}-{rtp_base + 399}",
            "GOSIP_QUIET": "1",
            **self.environment,
        }
        self.setup_code = ""

    @property
    def server(self) -> str:
        """Host and port of its SIP."""
        return self.server_at(self.host)

    def server_at(self, host: str) -> str:
        """The same at one of several addresses."""
        return f"[{host}]:{self.sip_port}" if ":" in host else f"{host}:{self.sip_port}"

    @property
    def admin_url(self) -> str:
        return f"https://{self.host}:{self.https_port}"

    def __enter__(self) -> GosipSystem:
        self.up()
        return self

    def __exit__(self, *exception: object) -> None:
        self.run("down")
        if exception[0] is None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *arguments: str, stdin: str = "", timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Any verb of `./gosip`."""
        return subprocess.run(
            [str(ROOT / "gosip"), *arguments],
            env=self.variables,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def up(self) -> None:
        result = self.run("up", "--detach")
        if result.returncode != 0:
            reason = f"{result.stderr}\n{result.stdout}{self.logs()}"
            raise AssertionError(f"gosip up failed ({result.returncode}): {reason}")
        code = re.search(r"set-up code:\s*(\S+)", result.stdout, re.IGNORECASE)
        if code is not None:
            self.setup_code = code[1]

    def json(self, *arguments: str, stdin: str = "") -> Any:
        """The answer of a verb with --json."""
        result = self.run(*arguments, "--json", stdin=stdin)
        if result.returncode != 0:
            raise AssertionError(f"gosip {' '.join(arguments)} failed: {result.stderr}")
        return json.loads(result.stdout)

    def json_of_any_outcome(self, *arguments: str) -> Any:
        """The same, of a verb that reports trouble by its exit code."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def add_device(self, number: str, name: str = "") -> Account:
        password = f"test-{number}-{random.randrange(10**9)}"
        arguments = ["device", "add", number, "--password-stdin", *(["--name", name] if name else [])]
        device = self.json(*arguments, stdin=password + "\n")
        return Account(number, str(device["username"]), password)

    def logs(self) -> str:
        """The ends of all logs, for a failed test's message."""
        parts = []
        for path in sorted((self.data / "logs").glob("*.log")):
            parts.append(f"--- {path.name}\n{path.read_text(errors='replace')[-1500:]}")
        return "\n".join(parts)
