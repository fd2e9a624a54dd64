"""Where a running system keeps its files: one folder, named by GOSIP_DATA_DIR, and nothing outside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MAX_SOCKET_PATH = 100
"""Linux refuses a unix socket whose path is longer than 107 bytes; the rest is for the longest of our socket names."""


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The layout of the data folder. Paths are absolute; nothing is created by looking at them."""

    path: Path

    @classmethod
    def at(cls, path: str | Path) -> DataFolder:
        return cls(Path(path).expanduser().absolute())

    @property
    def database(self) -> Path:
        return self.path / "gosip.sqlite3"

    @property
    def secret_key(self) -> Path:
        return self.path / "secret.key"

    @property
    def certificates(self) -> Path:
        return self.path / "certs"

    @property
    def run(self) -> Path:
        """Sockets and generated configuration: of no worth once the system has stopped."""
        return self.path / "run"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def recordings(self) -> Path:
        return self.path / "recordings"

    @property
    def sounds(self) -> Path:
        return self.path / "sounds"

    @property
    def environment(self) -> Path:
        """The GOSIP_* variables that `up` ran with; every verb and program of this folder reads them from here."""
        return self.run / "environment.json"

    @property
    def sip_socket(self) -> Path:
        return self.run / "sip.sock"

    def media_socket(self, index: int) -> Path:
        return self.run / f"media-{index}.sock"

    @property
    def admin_socket(self) -> Path:
        return self.run / "admin.sock"

    @property
    def events_socket(self) -> Path:
        """The control socket of the program `events`."""
        return self.run / "events.sock"

    @property
    def event_stream_socket(self) -> Path:
        """Where the program `events` serves its stream to nginx."""
        return self.run / "event-stream.sock"

    @property
    def supervisor_socket(self) -> Path:
        return self.run / "supervisor.sock"

    @property
    def is_too_deep_for_sockets(self) -> bool:
        """Whether a socket in `run` would be refused by the kernel for the length of its path."""
        return len(str(self.event_stream_socket).encode()) > MAX_SOCKET_PATH

    def create(self) -> None:
        """Make what is missing, readable by the owner and the group only (setgid, so that new files keep the group)."""
        self.path.mkdir(parents=True, exist_ok=True)
        for folder in (self.path, self.run, self.logs, self.recordings, self.sounds):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o2770)
        self.certificates.mkdir(exist_ok=True)
        self.certificates.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Replace a file of ours at once, so that no reader sees half of it."""
    temporary = path.with_suffix(".new")
    temporary.write_text(text)
    temporary.chmod(0o640)
    temporary.replace(path)
