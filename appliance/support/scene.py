"""Where and how one bundle looks, and what its parts are made of."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from appliance.database.readonly import read_only
from appliance.folders import DataFolder
from appliance.settings import Settings
from appliance.support.masking import Mask, NoMask, Pseudonyms
from appliance.support.redaction import Redaction
from appliance.support.secrets import KnownSecrets

PROBE_SECONDS = 2.0
"""How long a program may take to answer a question of ours."""
MAX_JSON_BYTES = 512 * 1024
TOO_LARGE = "This part is left out: it would be longer than {limit} bytes."
MAX_KNOWN = 100_000
KNOWN_WORDS = (
    ("number", "SELECT number FROM extension"),
    ("name", "SELECT name FROM extension"),
    ("number", "SELECT username FROM device"),
    ("name", "SELECT label FROM device"),
    ("name", "SELECT name FROM user"),
    ("number", "SELECT DISTINCT dialled FROM call ORDER BY started_at DESC"),
    ("number", "SELECT DISTINCT caller_number FROM call ORDER BY started_at DESC"),
    ("name", "SELECT DISTINCT caller_name FROM call ORDER BY started_at DESC"),
)


@dataclass(frozen=True, slots=True)
class Content:
    """One part, redacted."""

    text: str
    is_shortened: bool = False
    """Whether there was more than there is room for."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One look at one system."""

    settings: Settings
    redaction: Redaction
    now: float
    """Unix seconds."""

    @classmethod
    def of(cls, settings: Settings, now: float, *, with_numbers: bool) -> Scene:
        mask: Mask = NoMask() if with_numbers else pseudonyms(settings.folder)
        return cls(settings, Redaction(KnownSecrets.of(settings), mask), now)

    @property
    def folder(self) -> DataFolder:
        return self.settings.folder

    def facts(self, value: Any) -> Content:
        """Of machine and programs, without masks."""
        return bounded(json.dumps(self.redaction.plain(value), indent=2))

    def rows(self, rows: Iterable[Any], limit: int) -> Content:
        """One JSON object a line, the newest first, as many as `limit` bytes hold."""
        lines: list[str] = []
        size = 0
        for row in rows:
            line = json.dumps(self.redaction.value(row))
            size += len(line) + 1
            if size > limit:
                return Content("".join(lines), is_shortened=True)
            lines.append(line + "\n")
        return Content("".join(lines))


def bounded(text: str) -> Content:
    if len(text) > MAX_JSON_BYTES:
        return Content(json.dumps({"error": TOO_LARGE.format(limit=MAX_JSON_BYTES)}) + "\n", is_shortened=True)
    return Content(text + "\n")


def pseudonyms(folder: DataFolder) -> Pseudonyms:
    """With the words that the database knows; without a database only patterns find numbers and names."""
    known: dict[str, list[str]] = {"number": [], "name": []}
    try:
        with read_only(folder.database) as database:
            for kind, statement in KNOWN_WORDS:
                rows = database.execute(f"{statement} LIMIT {MAX_KNOWN}")
                known[kind] += [str(value) for (value,) in rows if value]
    except sqlite3.Error:
        pass
    return Pseudonyms(known["number"], known["name"])
