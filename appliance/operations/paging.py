"""Long lists come in pages: 20 rows unless asked otherwise, 100 at most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")

DEFAULT_SIZE = 20
MAX_SIZE = 100


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page; the first is 1. Values out of range become the nearest that is."""

    number: int = 1
    size: int = DEFAULT_SIZE

    @property
    def limit(self) -> int:
        return min(max(self.size, 1), MAX_SIZE)

    @property
    def offset(self) -> int:
        return (max(self.number, 1) - 1) * self.limit


FIRST_PAGE = PageRequest()


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list, and how long the list is."""

    rows: tuple[Row, ...]
    total: int
    number: int
    size: int


def paged(query: Any, request: PageRequest, view: Callable[[Any], Row]) -> Page[Row]:
    """Run an ordered query for one page."""
    total: int = query.order_by().count()
    # A search that finds nothing has looked through everything once; it need not do so again.
    rows = query.limit(request.limit).offset(request.offset) if request.offset < total else ()
    return Page(tuple(view(row) for row in rows), total, max(request.number, 1), request.limit)
