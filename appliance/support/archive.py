"""The file: a folder of parts with a manifest and a README, packed as .tar.gz, in memory.

Every part is made on its own: one that fails says why in its place, since a bundle is made when something is broken.
"""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from appliance import __version__
from appliance.errors import ApplianceError
from appliance.settings import Settings
from appliance.support import host, programs, records, writings
from appliance.support.readme import readme
from appliance.support.scene import Content, Scene

MAX_BYTES = 10 * 1024 * 1024
"""Of all parts together, unpacked."""
NO_ROOM = "This part is left out: the bundle would be larger than {limit} bytes."
Maker = Callable[[Scene], Content]
Tell = Callable[[str], None]

FIXED: tuple[tuple[str, Maker], ...] = (
    ("versions.json", programs.versions),
    ("settings.json", programs.settings),
    ("status.json", programs.status),
    ("processes.json", host.processes),
    ("listeners.json", host.listeners),
    ("host.json", host.facts),
    ("database.json", records.database),
    ("events.jsonl", records.events),
    ("calls.jsonl", records.calls),
    ("legs.jsonl", records.legs),
    ("sip-messages.txt", writings.sip_messages),
)


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the bundle, as the manifest names it."""

    name: str
    bytes: int
    sha256: str
    shortened: bool = False
    """Whether there was more than there is room for."""
    error: str = ""
    """Why there is nothing in it."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The finished file."""

    name: str
    data: bytes
    parts: tuple[Part, ...]
    with_numbers: bool


def build(settings: Settings, now: float, *, with_numbers: bool, tell: Tell | None = None) -> Bundle:
    """Look at everything: some seconds, also when nothing runs or answers. `tell` hears the name of each part."""
    scene = Scene.of(settings, now, with_numbers=with_numbers)
    folder = f"gosip-support-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now))}"
    parts: list[Part] = []
    files: dict[str, bytes] = {}
    room = MAX_BYTES
    for name, make in makers(scene):
        if tell is not None:
            tell(name)
        part, data = made(scene, name, make, room)
        room -= len(data)
        parts.append(part)
        files[name] = data
    files["README.txt"] = readme(now, with_numbers=with_numbers).encode()
    parts.append(part_of("README.txt", files["README.txt"]))
    files["manifest.json"] = manifest(now, parts, with_numbers=with_numbers)
    return Bundle(f"{folder}.tar.gz", packed(folder, files, now), tuple(parts), with_numbers)


def makers(scene: Scene) -> Iterator[tuple[str, Maker]]:
    yield from FIXED
    logs = writings.log_files(scene.folder.logs)
    for path in logs:
        yield f"logs/{path.name}", log_maker(path, writings.share_of(len(logs)))


def log_maker(path: Path, share: int) -> Maker:
    return lambda scene: writings.log(scene, path, share)


def made(scene: Scene, name: str, make: Maker, room: int) -> tuple[Part, bytes]:
    """The part, or the reason why there is none."""
    try:
        content = make(scene)
    except (ApplianceError, OSError, sqlite3.Error, ValueError, LookupError, TypeError) as error:
        return failed(name, scene.redaction.text(f"{type(error).__name__}: {error}"))
    data = content.text.encode("utf-8", "replace")
    if len(data) > room:
        return failed(name, NO_ROOM.format(limit=MAX_BYTES))
    return replace(part_of(name, data), shortened=content.is_shortened), data


def failed(name: str, reason: str) -> tuple[Part, bytes]:
    data = f"{json.dumps({'error': reason})}\n".encode()
    return replace(part_of(name, data), error=reason), data


def part_of(name: str, data: bytes) -> Part:
    return Part(name, len(data), hashlib.sha256(data).hexdigest())


def manifest(now: float, parts: list[Part], *, with_numbers: bool) -> bytes:
    known = {
        "format": 1,
        "version": __version__,
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "with_numbers": with_numbers,
        "parts": [asdict(part) for part in parts],
    }
    return f"{json.dumps(known, indent=2)}\n".encode()


def packed(folder: str, files: dict[str, bytes], now: float) -> bytes:
    import tarfile  # few commands make a bundle, and each imports this

    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz", compresslevel=6) as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size, member.mode, member.mtime = len(files[name]), 0o600, int(now)
            archive.addfile(member, io.BytesIO(files[name]))
    return target.getvalue()
