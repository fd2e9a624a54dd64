"""What the programs said last, and the last SIP messages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance.control.client import ControlClient
from appliance.support.scene import Content, Scene

LOG_BYTES = 256 * 1024
"""Of one program; less where there are many, so that all together keep below `ALL_LOG_BYTES`."""
ALL_LOG_BYTES = 3 * 1024 * 1024
MAX_LINE = 4000
TRACE_SECONDS = 5.0
TRACE_ENTRIES = 500
TRACE_BYTES = 2 * 1024 * 1024


def log_files(folder: Path) -> list[Path]:
    """The current log of each program."""
    return sorted(folder.glob("*.log"))


def log(scene: Scene, path: Path, share: int = LOG_BYTES) -> Content:
    """The last lines. Lines are whole before they are redacted: half a secret would not be known."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - share))
        data = file.read(share)
    if size > share:
        data = data.partition(b"\n")[2]
    text = scene.redaction.text(data.decode("utf-8", "replace"))
    return Content("\n".join(shorter(line) for line in text.split("\n")), is_shortened=size > share)


def share_of(count: int) -> int:
    return min(LOG_BYTES, ALL_LOG_BYTES // max(1, count))


def shorter(line: str) -> str:
    return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]} ... ({len(line)} characters)"


def sip_messages(scene: Scene) -> Content:
    """Those in the memory of `sip`, which redacts them itself before anybody sees them. Raises `ControlError`."""
    client = ControlClient(scene.folder.sip_socket, timeout=TRACE_SECONDS)
    answer = client.call("trace.read", {"limit": TRACE_ENTRIES})
    shown: list[str] = []
    size = 0
    for entry in reversed(answer["entries"]):
        text = scene.redaction.message("\n".join(lines_of(entry)))
        size += len(text.encode()) + 1
        if size > TRACE_BYTES:
            break
        shown.append(text)
    return Content("\n".join(reversed(shown)), is_shortened=len(shown) < answer["total"])


def lines_of(entry: dict[str, Any]) -> Iterator[str]:
    at = float(entry["at"])
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03d}Z"
    way = {"received": "<-", "sent": "->"}.get(str(entry["direction"]), "--")
    yield f"{'=' * 20} {stamp} {entry['transport']} {entry['local']} {way} {entry['remote']}"
    if entry["problem"]:
        yield f"Not accepted: {entry['problem']}"
    yield str(entry["text"] or entry["title"])
    yield ""
