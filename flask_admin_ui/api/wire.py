"""The form of the API: camelCase JSON out, checked JSON in, pages of lists.

One rule: what came in is checked here for its kind (text, number, boolean) and by `operations` for its meaning, and
every refusal names the field in the words of the sender.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar

from flask import Response, jsonify, request

from appliance.errors import Conflict, Invalid
from appliance.operations.paging import MAX_SIZE, Page, PageRequest
from flask_admin_ui.errors import FieldError, ProblemError
from flask_admin_ui.paging import MAX_NUMBER
from flask_admin_ui.rendering import isotime

Row = TypeVar("Row")

MAX_INTEGER = 2**63 - 1
"""What a database column holds."""
TIME_SUFFIX = "_at"
"""Fields of that name are Unix seconds inside, and RFC 3339 outside."""


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def to_json(value: Any) -> Any:
    """A value of ours as JSON."""
    match value:
        case Enum():
            return value.value
        case Mapping():
            return {camel(str(name)): field_json(str(name), one) for name, one in value.items()}
        case str():
            return value
        case list() | tuple() | frozenset():
            return [to_json(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {camel(entry.name): field_json(entry.name, getattr(value, entry.name)) for entry in fields(value)}
    return value


def field_json(name: str, value: Any) -> Any:
    if name.endswith(TIME_SUFFIX) and isinstance(value, int | float):
        return isotime(value)
    return to_json(value)


def answer(value: Any, status: int = 200) -> Response:
    response = jsonify(to_json(value))
    response.status_code = status
    return response


def answer_page(page: Page[Row], convert: Callable[[Row], Any] = to_json) -> Response:
    """A part of a list: its items, and where it lies in the whole."""
    items = [convert(row) for row in page.rows]
    return jsonify({"items": items, "total": page.total, "page": page.number, "size": page.size})


def part_of(rows: Iterable[Row], asked: PageRequest) -> Page[Row]:
    """The asked part of a list that is in memory."""
    known = list(rows)
    return Page(tuple(known[asked.offset : asked.offset + asked.limit]), len(known), asked.number, asked.limit)


def page_request() -> PageRequest:
    """The query's `page` and `size`. Raises the 422 that names the field."""
    return PageRequest(query_number("page", 1, MAX_NUMBER, 1), query_number("size", 1, MAX_SIZE, 20))


def query_number(name: str, low: int, high: int, default: int) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    if len(text) > 9 or not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise refused(name, f"Allowed is a whole number from {low} to {high}.")
    return int(text)


def query_text(name: str, allowed: Iterable[str] = ()) -> str:
    """A text of the query, empty when it is missing. Raises the 422 for one that is not among those allowed."""
    text = request.args.get(name, "").strip()
    known = tuple(allowed)
    if len(text) > 200:
        raise refused(name, "At most 200 characters.")
    if text and known and text not in known:
        raise refused(name, f"Allowed are {', '.join(known)}.")
    return text


def refused(field: str, message: str) -> ProblemError:
    return ProblemError(422, "Some values are not allowed.", details=[FieldError(field, message)])


class Body:
    """The JSON object of a request. Each reader raises nothing; `finish` raises the 422 with all that was wrong."""

    def __init__(self, *allowed: str) -> None:
        try:
            value = request.get_json(silent=True)
        except RecursionError:  # thousands of brackets
            value = None
        if not isinstance(value, dict):
            raise ProblemError(400, "The body of this request is a JSON object (Content-Type: application/json).")
        self._values: dict[str, Any] = value
        self._errors = [FieldError(name, "There is no such field.") for name in value if name not in allowed]

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str, *, needed: bool = False) -> str | None:
        """A text; None when it is missing."""
        found = self._value(name, str, "This is a text.", needed)
        if not isinstance(found, str):
            return None
        if any("\ud800" <= character <= "\udfff" for character in found):
            # JSON can escape half of a surrogate pair; no encoder of ours can write that.
            self._errors.append(FieldError(name, "This is no Unicode text."))
            return None
        return found

    def number(self, name: str) -> int | None:
        found = self._value(name, int, "This is a whole number.", False)
        if not isinstance(found, int):
            return None
        if abs(found) > MAX_INTEGER:
            self._errors.append(FieldError(name, "This number is too large."))
            return None
        return found

    def boolean(self, name: str) -> bool | None:
        found = self._value(name, bool, "This is true or false.", False)
        return found if isinstance(found, bool) else None

    def finish(self) -> None:
        if self._errors:
            raise ProblemError(422, "Some values are not allowed.", details=self._errors)

    def _value(self, name: str, kind: type, complaint: str, needed: bool) -> Any:
        value = self._values.get(name)
        if value is None:
            if needed:
                self._errors.append(FieldError(name, "This is needed."))
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self._errors.append(FieldError(name, complaint))
            return None
        return value


def in_sender_words(error: Invalid | Conflict) -> ProblemError:
    """A refusal with the field names of the API."""
    if isinstance(error, Conflict):
        details = [FieldError(camel(error.field), str(error))] if error.field else []
        return ProblemError(409, str(error), details=details)
    details = [FieldError(camel(name), message) for name, message in error.details.items()]
    return ProblemError(422, "Some values are not allowed.", details=details)
