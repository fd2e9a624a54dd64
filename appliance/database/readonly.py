"""Looking at a database file without changing it, migrating it or waiting long: for whoever looks at a sick system."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

BUSY_SECONDS = 2.0
STEPS = 10_000
"""SQLite's virtual machine asks this often whether to go on: some 0.1 ms."""


@contextlib.contextmanager
def read_only(path: Path, seconds: float = 5.0) -> Iterator[sqlite3.Connection]:
    """A connection of its own. Statements that are not done after `seconds` raise `sqlite3.OperationalError`."""
    uri = f"file:{quote(str(path))}?mode=ro"
    deadline = time.monotonic() + seconds
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection:
        connection.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
        yield connection
