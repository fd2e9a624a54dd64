"""Logging: one line for each record on standard output, which supervisor keeps; no secret ever gets that far.

    2026-11-24T08:15:30.123Z INFO sip.registrar 201 registered contact=sip:201@192.0.2.7 expires=300

What is given as `extra` stands behind the text as key=value. Values of keys that sound like secrets, and what follows
`password=` and its kin in a text, are replaced: that is a net below the first rule, which is not to log them.
"""

from __future__ import annotations

import atexit
import logging
import queue
import re
import sys
import time
from collections.abc import Iterator
from logging.handlers import QueueHandler, QueueListener
from typing import TextIO

from appliance.secret import Secret

MAX_WAITING = 10_000
"""Records between a program and its log."""
REDACTED = "***"
SECRET_WORDS = "|".join(
    (
        "pass(?:word|wd|phrase)?",
        "secret",
        "token",
        "api[_-]?key",
        "private[_-]?key",
        r"ha1(?:_\w+)?",
        "setup[_-]?code",
        "totp",
    )
)
SECRET_KEY = re.compile(rf"(?:^|[_.-])(?:{SECRET_WORDS})(?:$|[_.-])", re.IGNORECASE)
SECRET_IN_TEXT = re.compile(
    rf"""(?P<key>\b[\w-]*(?:{SECRET_WORDS})["']?\s*[=:]\s*)(?P<value>"[^"]*"|'[^']*'|[^\s,;&]+)""", re.IGNORECASE
)
DIGEST_RESPONSE = re.compile(r'(\bresponse=")[0-9a-f]+(")', re.IGNORECASE)
CRYPTO_KEY = re.compile(r"(\binline:)[A-Za-z0-9+/=]+")
"""RFC 4568 §6.1: the key of an SDP crypto attribute."""
CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
PLAIN = re.compile(r"[\w.:/@+\-\[\]<>;*]+\Z")

STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LineFormatter(logging.Formatter):
    """One record, one line: line breaks are escaped, so that nobody can write a line of their own into a log."""

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = escape(redact(record.getMessage()))
        head = f"{stamp}.{int(record.msecs):03d}Z {record.levelname} {self._source(record)} {text}"
        line = " ".join([head, *extras(record)])
        return line + "".join(f"\n  {part}" for part in trace_lines(self, record))

    def _source(self, record: logging.LogRecord) -> str:
        """The program and the last part of the logger's name: `sip.registrar`."""
        part = record.name.rpartition(".")[2]
        return self._program if part in ("root", "__main__") else f"{self._program}.{part}"


class PatientHandler(QueueHandler):
    """Hands records to a thread. Whoever logs never waits for the reader of our standard output.

    When that reader stops and the queue is full, records are left out; how many is said as soon as there is room.
    """

    def __init__(self, records: queue.Queue[logging.LogRecord]) -> None:
        super().__init__(records)
        self._left_out = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record  # formatted in the thread, from values that nobody changes

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            if self._left_out:
                self.queue.put_nowait(left_out(self._left_out))
                self._left_out = 0
            self.queue.put_nowait(record)
        except queue.Full:
            self._left_out += 1


def left_out(count: int) -> logging.LogRecord:
    text = "%d records were left out: the log was not read fast enough"
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, (count,), None)


def set_up_logs(
    program: str, level: str = "info", stream: TextIO | None = None, *, in_background: bool = False
) -> None:
    """Log to standard output from now on. `level` is the setting: debug, info, warning or error.

    `in_background` is for programs with an event loop: a thread writes, and is drained when the program ends.
    """
    handler: logging.Handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(LineFormatter(program))
    if in_background:
        records: queue.Queue[logging.LogRecord] = queue.Queue(MAX_WAITING)
        listener = QueueListener(records, handler)
        listener.start()
        atexit.register(listener.stop)
        handler = PatientHandler(records)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    # No line names a place in the source: finding it takes half the time of making a record.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    for name in ("asyncio", "peewee", "urllib3"):
        # Their debug records contain statements with values.
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))


def set_level(level: str) -> None:
    """Change how much is written, while running."""
    logging.getLogger().setLevel(level.upper())


def redact(text: str) -> str:
    """The text without what follows a word such as `password=`, digest responses and crypto keys."""
    text = SECRET_IN_TEXT.sub(lambda match: match["key"] + REDACTED, text)
    text = DIGEST_RESPONSE.sub(rf"\1{REDACTED}\2", text)
    return CRYPTO_KEY.sub(rf"\1{REDACTED}", text)


def extras(record: logging.LogRecord) -> Iterator[str]:
    for key, value in vars(record).items():
        if key not in STANDARD_ATTRIBUTES:
            yield f"{key}={shown(key, value)}"


def shown(key: str, value: object) -> str:
    if isinstance(value, Secret) or SECRET_KEY.search(key):
        return REDACTED
    text = redact(str(value))
    return text if PLAIN.match(text) else '"' + escape(text).replace('"', '\\"') + '"'


def escape(text: str) -> str:
    return CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def trace_lines(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    """A traceback, indented so that it cannot be taken for records."""
    parts = []
    if record.exc_info:
        parts += formatter.formatException(record.exc_info).splitlines()
    if record.stack_info:
        parts += formatter.formatStack(record.stack_info).splitlines()
    return [escape(redact(part)) for part in parts]
