"""Lists of the API: which part is asked for, and what is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from appliance.operations.paging import DEFAULT_SIZE, MAX_SIZE, Page, PageRequest
from flask_admin_ui.paging import MAX_NUMBER
from flask_admin_ui.shapes import Query

Row = TypeVar("Row")


def whole_number(low: int, high: int) -> Any:
    """A number of a query: digits and nothing else."""

    def read(value: Any) -> Any:
        text = str(value)
        if (
            len(text) > max(9, len(str(high)))
            or not text.isascii()
            or not text.isdigit()
            or not low <= int(text) <= high
        ):
            raise PydanticCustomError("refused", "{reason}", {"reason": f"Allowed is a whole number {low} to {high}."})
        return int(text)

    return BeforeValidator(read), Field(json_schema_extra={"minimum": low, "maximum": high})


class PageQuery(Query):
    """Which part of a list."""

    page: Annotated[int, *whole_number(1, MAX_NUMBER)] = 1
    size: Annotated[int, *whole_number(1, MAX_SIZE)] = DEFAULT_SIZE

    @property
    def wanted(self) -> PageRequest:
        return PageRequest(self.page, self.size)


class Search(Query):
    search: str = Field("", max_length=200, description="Part of a number or name.")


def read_moment(value: Any) -> Any:
    """RFC 3339; without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(str(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        reason = "Write the moment as 2026-11-24T08:00:00Z."
        raise PydanticCustomError("refused", "{reason}", {"reason": reason}) from error


QueryMoment = Annotated[float, BeforeValidator(read_moment), WithJsonSchema({"type": "string", "format": "date-time"})]


def listed(page: Page[Row], convert: Callable[[Row], Any] = lambda row: row) -> dict[str, Any]:
    """A part of a list as `Listing` wants it."""
    return {
        "items": [convert(row) for row in page.rows],
        "total": page.total,
        "page": page.number,
        "size": page.size,
    }


def part_of(rows: Iterable[Row], asked: PageQuery) -> dict[str, Any]:
    """The asked part of a list that is in memory."""
    known, wanted = list(rows), asked.wanted
    return listed(Page(tuple(known[wanted.offset : wanted.offset + wanted.limit]), len(known), asked.page, asked.size))
