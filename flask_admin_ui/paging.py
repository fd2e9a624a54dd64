"""Pages of a long list: 20 rows by default, 100 at most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

Row = TypeVar("Row")

DEFAULT_SIZE = 20
MAX_SIZE = 100
MAX_NUMBER = 1_000_000
"""Beyond this no list goes; it keeps the offset within what a database takes."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list is asked for."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size

    @classmethod
    def read(cls, arguments: Mapping[str, str]) -> PageRequest:
        """From the query string of a page: what is no number, or out of range, becomes the nearest that is."""
        return cls(
            bounded(arguments.get("page"), 1, 1, MAX_NUMBER), bounded(arguments.get("size"), DEFAULT_SIZE, 1, MAX_SIZE)
        )


def bounded(text: str | None, default: int, low: int, high: int) -> int:
    """A number within limits. A text too long to be one counts as no number."""
    if text is None or len(text) > 9 or not text.isascii() or not text.isdigit():
        return default
    return min(max(int(text), low), high)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """A part of a list, and where it lies in the whole."""

    rows: Sequence[Row]
    total: int
    number: int
    size: int
    path: str = ""
    filters: Mapping[str, str] | None = None

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        """The position of the first row shown, counted from 1; 0 when nothing is shown."""
        return (self.number - 1) * self.size + 1 if self.rows else 0

    @property
    def last(self) -> int:
        return (self.number - 1) * self.size + len(self.rows)

    @property
    def window(self) -> list[int | None]:
        """The page numbers to offer; None stands for a gap."""
        wanted = sorted({1, self.pages, *(n for n in range(self.number - 1, self.number + 2) if 1 <= n <= self.pages)})
        return list(with_gaps(wanted))

    def address(self, number: int) -> str:
        """Where page `number` of the same list with the same filters is."""
        query = {name: value for name, value in (self.filters or {}).items() if value}
        if number > 1:
            query["page"] = str(number)
        if self.size != DEFAULT_SIZE:
            query["size"] = str(self.size)
        return f"{self.path}?{urlencode(query)}" if query else self.path


def with_gaps(numbers: Sequence[int]) -> Iterator[int | None]:
    previous = 0
    for number in numbers:
        if number - previous > 1:
            yield None
        yield number
        previous = number
