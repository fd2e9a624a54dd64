"""Lists on pages: which part is asked for, which is shown, and where the other parts are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from appliance.operations.paging import DEFAULT_SIZE, MAX_SIZE, Page, PageRequest

Row = TypeVar("Row")

MAX_NUMBER = 1_000_000
"""No list goes beyond this page; it keeps the offset within what a database takes."""


def read_page(arguments: Mapping[str, str]) -> PageRequest:
    """From a query string: what is no number, or out of range, becomes the nearest that is."""
    return PageRequest(
        bounded(arguments.get("page"), 1, 1, MAX_NUMBER), bounded(arguments.get("size"), DEFAULT_SIZE, 1, MAX_SIZE)
    )


def bounded(text: str | None, default: int, low: int, high: int) -> int:
    """A number within limits; the default for a text that is none."""
    if text is None or len(text) > 9 or not text.isascii() or not text.isdigit():
        return default
    return min(max(int(text), low), high)


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """A part of a list with the addresses of the others."""

    rows: Sequence[Row]
    total: int
    number: int
    size: int
    path: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, page: Page[Any], rows: Sequence[Row], path: str, filters: Mapping[str, str] | None = None
    ) -> Listing[Row]:
        """`rows` is what is shown for the rows of `page`."""
        return cls(rows, page.total, page.number, page.size, path, filters or {})

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        """The position of the first row shown, counted from 1; 0 when nothing is shown."""
        return (self.number - 1) * self.size + 1 if self.rows else 0

    @property
    def last(self) -> int:
        return (self.number - 1) * self.size + len(self.rows) if self.rows else 0

    @property
    def window(self) -> list[int | None]:
        """The page numbers to offer; None stands for a gap."""
        around = range(max(1, self.number - 1), min(self.pages, self.number + 1) + 1)
        return list(with_gaps(sorted({1, self.pages, *around})))

    def address(self, number: int) -> str:
        """Where page `number` of the same list with the same filters is."""
        query = {name: value for name, value in self.filters.items() if value}
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
