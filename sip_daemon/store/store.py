"""One thread, one connection: changes are written behind, configuration is read when it changed.

Theory of operation. `submit` puts a change among the pending ones and wakes the thread. The thread waits a moment for
company, then writes all that has gathered in one transaction, with a sync to disk. When the database is locked or the
disk is full it puts the batch back, says so in `last_error`, and tries again; meanwhile the pending changes merge.
Between batches it runs what was asked for by `ask`.

The rule: the connection is used by this thread only, and no caller ever waits for it except in `start` and `close`.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from peewee import SqliteDatabase

from appliance.database.connection import open_database
from appliance.database.migrate import reason_of
from sip_daemon.defence.ban import Ban
from sip_daemon.directory import Directory
from sip_daemon.registrar import Binding
from sip_daemon.store import reading
from sip_daemon.store.pending import Change, Pending
from sip_daemon.store.writing import write

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """How long changes gather, and how many."""

    gather_seconds: float = 0.02
    """An answered REGISTER and an ended call are on disk within 100 ms: this, and the sync."""
    max_batch: int = 5000
    """Changes in one transaction: it holds the write lock for about 50 ms."""
    max_removals: int = 100_000
    """Pending removals of bindings; an older one is forgotten, its row ends when it expires."""
    max_events: int = 1000
    """Pending events; the oldest go first."""
    retry_seconds: float = 0.25
    """First pause after a failure; it doubles up to `max_retry_seconds`."""
    max_retry_seconds: float = 1.0
    busy_ms: int = 250
    """How long one try waits for another process's write lock: questions are answered between the tries."""
    cache_kib: int = 2048
    """Pages of the database in memory. They are written, and hardly ever read again: more of them would only grow with
    the history of calls."""
    close_seconds: float = 10.0
    """How long `close` tries to write what is left."""


class Store:
    """The daemon's database. `start` before use, `close` at the end."""

    def __init__(
        self,
        path: Path,
        limits: StoreLimits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._limits = limits or StoreLimits()
        self._clock = clock
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._pending = Pending(self._limits.max_removals, self._limits.max_events)
        self._writing = 0
        self._jobs: deque[Callable[[], None]] = deque()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._database: SqliteDatabase | None = None
        self._directory: Directory | None = None
        self._data_version = -1
        self.last_error: str | None = None
        """Why nothing can be written at the moment, in words for a person; None when all is well."""

    # What the loop's thread calls

    def start(self) -> tuple[Directory, tuple[Binding, ...]]:
        """Open the database, and read the directory and the bindings.

        Waits for it: to be called before anything listens. Raises what `open_database` raises.
        """
        self._thread.start()
        try:
            return self.ask(self._start).result()
        except BaseException:
            self._stop_thread()
            raise

    def submit(self, change: Change) -> None:
        """Have it written within 100 ms. Never waits, never fails."""
        with self._lock:
            self._pending.add(change)
        self._wake.set()

    def load_bans(self) -> tuple[Ban, ...]:
        """Those of the last run. Waits for it, as `start` does."""
        return self.ask(reading.load_bans).result()

    def load_directory(self) -> Future[Directory]:
        """All of it, read anew."""
        return self.ask(self._load_directory)

    def close_open_calls(self, but: Collection[str]) -> Future[int]:
        """End the records of the last run whose calls are over, all but these; how many there were.

        To be asked before new calls begin.
        """
        ids = tuple(but)
        return self.ask(lambda connection: reading.close_open_calls(connection, self._wall_clock(), ids))

    def changed(self) -> Future[Directory | None]:
        """A new directory when configuration was changed, else None. Cheap enough to be asked every second."""
        return self.ask(self._changed)

    def ask(self, question: Callable[[sqlite3.Connection], Result]) -> Future[Result]:
        """Run something in the store's thread."""
        future: Future[Result] = Future()

        def job() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(question(self._connection()))
                except BaseException as error:
                    future.set_exception(error)

        with self._lock:
            self._jobs.append(job)
        self._wake.set()
        return future

    @property
    def backlog(self) -> int:
        """Changes that are not on disk yet."""
        return len(self._pending) + self._writing

    def flush(self, seconds: float | None = None) -> bool:
        """Wait until all that was submitted is on disk; False when the time passed first. For tests and shutdown."""
        until = time.monotonic() + (self._limits.close_seconds if seconds is None else seconds)
        while self.backlog:
            if time.monotonic() > until or not self._thread.is_alive():
                return False
            time.sleep(0.002)
        return True

    def close(self) -> None:
        """Write what is left, then end the thread. What cannot be written in time is counted in the log."""
        if not self._thread.is_alive():
            return
        if not self.flush():
            logger.error("%d changes could not be stored: %s", self.backlog, self.last_error)
        self._stop_thread()

    def _stop_thread(self) -> None:
        self._closing.set()
        self._wake.set()
        self._thread.join()

    # What runs in the store's thread

    def _connection(self) -> sqlite3.Connection:
        """The thread's own connection. The database object is kept: the models' one may be exchanged by others."""
        if self._database is None:
            self._database = open_database(self._path)
        self._database.connect(reuse_if_open=True)
        connection: sqlite3.Connection = self._database.connection()  # type: ignore[no-untyped-call]
        return connection

    def _start(self, connection: sqlite3.Connection) -> tuple[Directory, tuple[Binding, ...]]:
        bindings = reading.load_bindings(connection, self._clock(), self._wall_clock())
        directory = self._load_directory(connection)
        connection.execute(f"PRAGMA busy_timeout = {self._limits.busy_ms:d}")
        connection.execute(f"PRAGMA cache_size = -{self._limits.cache_kib:d}")
        return directory, bindings

    def _load_directory(self, connection: sqlite3.Connection) -> Directory:
        self._data_version = reading.data_version(connection)
        self._directory = reading.load_directory(connection)
        return self._directory

    def _changed(self, connection: sqlite3.Connection) -> Directory | None:
        version = reading.data_version(connection)
        known = self._directory
        if known is None:
            return self._load_directory(connection)
        if version == self._data_version:
            return None
        if reading.revision_number(connection) == known.revision:
            self._data_version = version
            return None
        self._directory = reading.update_directory(connection, known)
        self._data_version = version
        return self._directory

    def _run(self) -> None:
        pause = self._limits.retry_seconds
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            self._run_jobs()
            while self._pending and not self._closing.is_set():
                self._closing.wait(self._limits.gather_seconds)
                if self._write_batch():
                    pause = self._limits.retry_seconds
                else:
                    self._wait_for_better_times(pause)
                    pause = min(2 * pause, self._limits.max_retry_seconds)
                self._run_jobs()
        self._run_jobs()
        self._disconnect()

    def _run_jobs(self) -> None:
        while self._jobs:
            self._jobs.popleft()()

    def _wait_for_better_times(self, seconds: float) -> None:
        """Pause, but go on answering questions: reading works while writing does not."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._closing.is_set():
            self._run_jobs()
            self._closing.wait(min(left, 0.05))

    def _write_batch(self) -> bool:
        with self._lock:
            batch = self._pending.take(self._limits.max_batch)
            self._writing = len(batch)
        try:
            write(self._connection(), batch)
        except Exception as error:
            self._put_back(batch)
            self._report(error)
            return False
        self._writing = 0
        if self.last_error is not None:
            logger.info("changes can be stored again")
            self.last_error = None
        return True

    def _put_back(self, batch: Pending) -> None:
        with self._lock:
            self._pending.put_back(batch)
            self._writing = 0

    def _report(self, error: Exception) -> None:
        """Once for each new reason, not for each try."""
        reason = reason_of(error) if isinstance(error, sqlite3.DatabaseError) else str(error)
        text = f"The database cannot be written: {reason}"
        if text != self.last_error:
            logger.error("%s %d changes wait.", text, self.backlog)
        self.last_error = text

    def _disconnect(self) -> None:
        if self._database is not None:
            self._database.close()
