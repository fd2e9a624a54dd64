"""Importing devices from CSV: all rows or none, and every fault named by its line.

Columns are number, name, password, username and label, in the order of a header line; without a header they are
number, name, password. A row without a password gets a generated one, which the result carries, once.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from peewee import chunked

from appliance.database.models import Device, Extension
from appliance.errors import Invalid
from appliance.operations import checks
from appliance.operations.change import Change, configuration_change
from appliance.operations.checks import Checks
from appliance.operations.context import Context
from appliance.operations.devices import PASSWORD_IS_NAME, Credentials, first_free
from appliance.passwords import generate_password
from appliance.secret import Secret
from appliance.secretbox import Purpose

COLUMNS = ("number", "name", "password", "username", "label")
DEFAULT_COLUMNS = ("number", "name", "password")
MAX_ROWS = 100_000
MAX_SHOWN_FAULTS = 100
CHUNK_ROWS = 500
"""Rows in one statement: SQLite takes 32,766 variables in one."""
PROGRESS_ROWS = 200

NO_TEXT = "The file is not UTF-8 text. Save it as CSV in UTF-8."
NO_CSV = "The file is no CSV: {reason}."
NO_ROWS = "The file has no rows."
TOO_MANY_ROWS = "The file has more than {limit} rows."
UNKNOWN_COLUMN = "The first line names an unknown column: {name}. Known are {known}."
NO_NUMBER_COLUMN = "The first line does not name a column number."
TOO_MANY_CELLS = "It has {count} cells, more than the {columns} columns."
USERNAME_TAKEN = "The username {username} exists already."
TWICE = "The username {username} stands in this file twice, first in line {line}."
NUMBER_OF_ANOTHER = "{username} is the number of another extension; people would not know whom they dial."
USERNAME_OF_ANOTHER = "{number} is the username of a device of another extension; people dial devices by it."
REFUSED = "Nothing was imported: {count} of {rows} rows have faults."

Progress = Callable[[int, int], None]
"""Told how many rows of how many are done."""


@dataclass(frozen=True, slots=True)
class ImportedDevice:
    """One row as it was taken."""

    number: str
    name: str
    username: str
    password: Secret
    was_generated: bool


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did."""

    devices: tuple[ImportedDevice, ...]
    new_extensions: int


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong with one line; the first line of the file is 1."""

    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"Line {self.line}, {self.field}: {self.message}"


class ImportRefused(Invalid):
    """Rows have faults. `faults` are the first of them, `count` is how many there are."""

    def __init__(self, faults: Sequence[RowFault], rows: int) -> None:
        shown = tuple(faults[:MAX_SHOWN_FAULTS])
        lines = len({fault.line for fault in faults})
        super().__init__(
            {f"line {fault.line}, {fault.field}": fault.message for fault in shown},
            REFUSED.format(count=lines, rows=rows),
        )
        self.faults = shown
        self.count = len(faults)


@dataclass(slots=True)
class Row:
    """One line on its way."""

    line: int
    number: str
    name: str
    label: str
    username: str
    password: Secret
    was_generated: bool


@dataclass(slots=True)
class Known:
    """What is in the database and in the lines above: usernames are compared without regard to case."""

    numbers: dict[str, int]
    """Id of each extension by its number."""
    usernames: dict[str, str]
    """Number of each device's extension by its folded username."""
    lines: dict[str, int] = field(default_factory=dict)
    """Line of each username of this file."""
    new_numbers: set[str] = field(default_factory=set)

    @classmethod
    def load(cls) -> Known:
        devices: Any = Device.select(Device.username, Extension.number).join(Extension).tuples()
        return cls(extension_ids(), {username.lower(): number for username, number in devices})


def import_devices(context: Context, data: bytes, progress: Progress = lambda *_: None) -> ImportResult:
    """Take every row of a CSV file or none. Raises `ImportRefused`, `Invalid` or `Forbidden`."""
    context.require_admin()
    lines = read_lines(data)
    # Checked and hashed before the transaction, which holds the write lock against everyone.
    rows, faults = check_lines(lines, Known.load())
    if faults:
        raise ImportRefused(faults, len(lines))
    prepared = list(with_credentials(context, rows, progress))
    with configuration_change(context) as change:
        # What was checked may have changed meanwhile: the names are checked again under the lock.
        known = Known.load()
        _, faults = check_lines(lines, known)
        if faults:
            raise ImportRefused(faults, len(lines))
        new_extensions = insert(change, rows, prepared, known)
        change.audit("device.import", "", devices=len(rows), extensions=new_extensions)
    progress(len(rows), len(rows))
    return ImportResult(tuple(taken(row) for row in rows), new_extensions)


def read_lines(data: bytes) -> list[tuple[int, dict[str, str]]]:
    """The rows with their line numbers; lines without any text are passed over."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid({"file": NO_TEXT}) from error
    head = text.partition("\n")[0]
    # Spreadsheets of half of Europe write semicolons.
    delimiter = ";" if ";" in head and "," not in head else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise Invalid({"file": NO_CSV.format(reason=f"line {reader.line_num}, {error}")}) from error
    lines = [(number, cells) for number, cells in lines if any(cells)]
    columns = columns_of(lines[0][1]) if lines else None
    body = lines[1:] if columns else lines
    if not body:
        raise Invalid({"file": NO_ROWS})
    if len(body) > MAX_ROWS:
        raise Invalid({"file": TOO_MANY_ROWS.format(limit=MAX_ROWS)})
    return [(number, named(cells, columns or DEFAULT_COLUMNS)) for number, cells in body]


def columns_of(cells: Sequence[str]) -> tuple[str, ...] | None:
    """The columns that a header names, or None when the line is no header: its first cell begins with a digit."""
    names = tuple(cell.lower() for cell in cells)
    if not any(name in COLUMNS for name in names):
        return None
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise Invalid({"file": UNKNOWN_COLUMN.format(name=unknown[0], known=", ".join(COLUMNS))})
    if "number" not in names:
        raise Invalid({"file": NO_NUMBER_COLUMN})
    return names


def named(cells: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    row = dict(zip(columns, cells, strict=False))
    if len(cells) > len(columns) and any(cells[len(columns) :]):
        row["row"] = TOO_MANY_CELLS.format(count=len(cells), columns=len(columns))
    return row


def check_lines(lines: Sequence[tuple[int, dict[str, str]]], known: Known) -> tuple[list[Row], list[RowFault]]:
    rows: list[Row] = []
    faults: list[RowFault] = []
    for line, cells in lines:
        try:
            rows.append(check_row(line, cells, known))
        except Invalid as error:
            faults += [RowFault(line, name, message) for name, message in error.details.items()]
    return rows, faults


def check_row(line: int, cells: dict[str, str], known: Known) -> Row:
    """Raises `Invalid` with a message for each field."""
    check = Checks()
    if "row" in cells:
        raise Invalid({"row": cells["row"]})
    number = check.take("number", checks.number, cells.get("number", ""))
    given = cells.get("username", "")
    username = check.take("username", checks.username, given) if given else ""
    text = cells.get("password", "")
    password = check.take("password", checks.sip_password, Secret(text)) if text else Secret("")
    row = Row(
        line,
        number,
        check.take("name", checks.name, cells.get("name", "")),
        check.take("label", checks.name, cells.get("label", "")),
        username,
        password,
        not text,
    )
    check.finish()
    check_names(row, known)
    return row


def check_names(row: Row, known: Known) -> None:
    """Find the username, and see that neither it nor the number belongs to somebody else."""
    if not row.username:
        # A row that repeats a number of this file is one more phone of it; one that is there already is a mistake.
        row.username = first_free(row.number, set(known.lines)) if row.number in known.new_numbers else row.number
    folded = row.username.lower()
    if folded in known.lines:
        raise Invalid({"username": TWICE.format(username=row.username, line=known.lines[folded])})
    if folded in known.usernames:
        raise Invalid({"username": USERNAME_TAKEN.format(username=row.username)})
    if row.username != row.number and (row.username in known.numbers or row.username in known.new_numbers):
        raise Invalid({"username": NUMBER_OF_ANOTHER.format(username=row.username)})
    if known.usernames.get(row.number, row.number) != row.number:
        raise Invalid({"number": USERNAME_OF_ANOTHER.format(number=row.number)})
    if not row.was_generated and row.password.reveal() in (row.number, row.username):
        raise Invalid({"password": PASSWORD_IS_NAME})
    known.lines[folded] = row.line
    known.usernames[folded] = row.number
    if row.number not in known.numbers:
        known.new_numbers.add(row.number)


def with_credentials(context: Context, rows: Sequence[Row], progress: Progress) -> Iterator[Credentials]:
    box, realm = context.appliance.box(Purpose.DEVICE), context.appliance.realm
    for done, row in enumerate(rows):
        if row.was_generated:
            row.password = generate_password()
        if done % PROGRESS_ROWS == 0:
            progress(done, len(rows))
        yield Credentials.of(row.username, realm, row.password, box)


def insert(change: Change, rows: Sequence[Row], prepared: Sequence[Credentials], known: Known) -> int:
    """Inside the change. Returns how many extensions are new."""
    now, revision = change.context.now, change.revision
    names: dict[str, str] = {}
    for row in rows:
        if row.number in known.new_numbers:
            names[row.number] = names.get(row.number) or row.name
    extensions = [
        {"number": number, "name": name, "created_at": now, "revision": revision} for number, name in names.items()
    ]
    for part in chunked(extensions, CHUNK_ROWS):
        Extension.insert_many(part).execute()
    ids = extension_ids()
    devices: list[dict[str, Any]] = [
        {
            "extension": ids[row.number],
            "username": row.username,
            "label": row.label,
            "created_at": now,
            "changed_at": now,
            "revision": revision,
            **credentials.columns,
        }
        for row, credentials in zip(rows, prepared, strict=True)
    ]
    for part in chunked(devices, CHUNK_ROWS):
        Device.insert_many(part).execute()
    old = {row.number for row in rows} - set(names)
    for numbers in chunked(sorted(old), CHUNK_ROWS):
        Extension.update(revision=revision).where(Extension.number.in_(numbers)).execute()
    return len(names)


def extension_ids() -> dict[str, int]:
    """By number."""
    rows: Any = Extension.select(Extension.number, Extension.id).tuples()
    return dict(rows)


def taken(row: Row) -> ImportedDevice:
    return ImportedDevice(row.number, row.name, row.username, row.password, row.was_generated)
