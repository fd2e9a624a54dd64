"""Declaring an operation of the API: what it takes, what it answers, and who may ask for it.

    @blueprint.post("/devices")
    @operation("Add a phone", takes=NewDevice, gives=DeviceWithPassword, status=201, admin=True, clashes=True)
    def add(body: NewDevice) -> Any: ...

The decorator reads body and query by their shapes and hands them over as `body` and `query`, asks for the role, and
writes what the view returns by the shape of the answer. The same declaration makes the OpenAPI document
(`flask_admin_ui.api.document`): there is no second place to keep it true. Place it below the route.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from flask import Response, request
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from appliance.errors import ChangedMeanwhile, Conflict, Invalid
from appliance.wire import camel
from flask_admin_ui.api.once import once
from flask_admin_ui.errors import FieldError, ProblemError
from flask_admin_ui.security.access import require_admin
from flask_admin_ui.shapes import Listing

JSON = "application/json"
MARK = "__api_operation__"
REFUSED = "Some values are not allowed."
CHANGED = "Somebody else has changed this since you read it. Read it again, then decide."

View = TypeVar("View", bound=Callable[..., Any])
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Answer(Generic[Value]):
    """What a view returns when there is more to say than the value."""

    value: Value
    status: int | None = None
    """Another one than the operation's own."""
    etag: str = ""
    """The state that a later If-Match names."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """What is declared of one operation."""

    summary: str
    takes: type[BaseModel] | None = None
    """The shape of the body."""
    query: type[BaseModel] | None = None
    """The shape of the query."""
    gives: Any = None
    """The shape of the answer; None for an answer without a body."""
    status: int = 200
    also: Mapping[int, Any] = field(default_factory=dict)
    """Further statuses that carry an answer of their own shape."""
    media_type: str = JSON
    """Of the answer; the view makes the response itself when it is not JSON."""
    admin: bool = False
    public: bool = False
    """Whether nobody need be signed in."""
    clashes: bool = False
    """Whether it may be refused with 409."""
    guarded: bool = False
    """Whether it takes If-Match, and is refused with 412 when that does not hold."""
    refusals: tuple[int, ...] = ()
    """Statuses that it answers besides those that follow from the rest."""
    _adapters: dict[int, TypeAdapter[Any]] = field(default_factory=dict)

    def adapter(self, status: int) -> TypeAdapter[Any] | None:
        """What writes the answer of that status."""
        shape = self.also.get(status, self.gives if status == self.status else None)
        if shape is None:
            return None
        if status not in self._adapters:
            self._adapters[status] = TypeAdapter(shape)
        return self._adapters[status]


def operation(summary: str, **declared: Any) -> Callable[[View], View]:
    """See above; the names are those of `Operation`."""
    known = Operation(summary, **declared)

    def decorate(view: View) -> View:
        @wraps(view)
        def served(**path: Any) -> Response:
            if known.admin:
                require_admin()
            check_accept(known)
            given = dict(path)
            if known.query is not None:
                given["query"] = read_query(known.query)
            if known.takes is not None:
                given["body"] = read_body(known.takes)
            try:
                if known.public:
                    return respond(known, view(**given))
                return once(lambda: respond(known, view(**given)))
            except (Invalid, Conflict) as error:
                raise in_sender_words(error) from error

        setattr(served, MARK, known)
        return served  # type: ignore[return-value]

    return decorate


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """What was declared of a view; None for one that is no operation of the API."""
    found: Operation | None = getattr(view, MARK, None)
    return found


# ---------------------------------------------------------------- in


def check_accept(known: Operation) -> None:
    """RFC 9110 §12.5.1. Whoever takes no problem document gets one all the same: better than nothing."""
    accepted = request.accept_mimetypes
    if known.gives is not None and accepted and not accepted.quality(known.media_type):
        raise ProblemError(406, f"This answers {known.media_type}, which the Accept header leaves out.")


def read_query(shape: type[BaseModel]) -> BaseModel:
    try:
        return shape.model_validate({name: value.strip() for name, value in request.args.items()})
    except ValidationError as error:
        raise refusal(error, "There is no such parameter.") from error


def read_body(shape: type[BaseModel]) -> BaseModel:
    if request.mimetype != JSON:
        raise ProblemError(415, "The body of this request is a JSON object (Content-Type: application/json).")
    try:
        value = json.loads(request.get_data(), parse_float=read_number)
    except (ValueError, RecursionError):  # thousands of brackets
        value = None
    if not isinstance(value, dict):
        raise ProblemError(400, "The body of this request is a JSON object.")
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise refusal(error, "There is no such field.") from error


def read_number(text: str) -> float:
    """105.0 is a whole number: JSON has but one kind of them, and so has JSON Schema (2020-12, §4.2.3)."""
    value = float(text)
    return int(value) if value.is_integer() else value


def if_match() -> str:
    """The state that the request was decided on; empty when it does not say (RFC 9110 §13.1.1)."""
    if not request.if_match or request.if_match.star_tag:
        return ""
    # Of several the first: who edits has read one state.
    return next(iter(request.if_match.as_set()), "-")


def refusal(error: ValidationError, unknown: str) -> ProblemError:
    """The 422 that names every refused field, the unknown ones first."""
    faults = sorted(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
    details = {field_name(fault): complaint(fault, unknown) for fault in reversed(faults)}
    return ProblemError(422, REFUSED, details=[FieldError(*one) for one in reversed(details.items())])


def field_name(fault: ErrorDetails) -> str:
    """The names on the way to it; a union's branch is no name of the sender's."""
    return ".".join(str(step) for step in fault["loc"][:1]) or "body"


COMPLAINTS = {
    "missing": "This is needed.",
    "string_type": "This is a text.",
    "string_unicode": "This is no Unicode text.",
    "int_type": "This is a whole number.",
    "int_parsing": "This is a whole number.",
    "int_from_float": "This is a whole number.",
    "int_parsing_size": "This number is too large.",
    "float_type": "This is a number.",
    "float_parsing": "This is a number.",
    "bool_type": "This is true or false.",
    "bool_parsing": "This is true or false.",
    "string_too_long": "At most {max_length} characters.",
    "string_too_short": "At least {min_length} characters.",
    "greater_than_equal": "At least {ge}.",
    "less_than_equal": "At most {le}.",
    "literal_error": "Allowed are {expected}.",
    "enum": "Allowed are {expected}.",
    "list_type": "This is a list.",
    "dict_type": "This is an object.",
}
"""By pydantic's word for the fault."""


def complaint(fault: ErrorDetails, unknown: str) -> str:
    if fault["type"] == "extra_forbidden":
        return unknown
    known = COMPLAINTS.get(fault["type"])
    if known is None:
        return fault["msg"]
    words = {name: str(value).replace("'", "").replace(" or ", ", ") for name, value in fault.get("ctx", {}).items()}
    return known.format(**words)


def in_sender_words(error: Invalid | Conflict) -> ProblemError:
    """A refusal with the field names of the API."""
    if isinstance(error, ChangedMeanwhile):
        return ProblemError(412, CHANGED)
    if isinstance(error, Conflict):
        details = [FieldError(camel(error.field), str(error))] if error.field else []
        return ProblemError(409, str(error), details=details)
    details = [FieldError(camel(name), message) for name, message in error.details.items()]
    return ProblemError(422, REFUSED, details=details)


# ---------------------------------------------------------------- out


def respond(known: Operation, returned: Any) -> Response:
    """The response of what a view returned."""
    if isinstance(returned, Response):
        return returned
    answer = returned if isinstance(returned, Answer) else Answer(returned)
    status = answer.status or known.status
    adapter = known.adapter(status)
    if adapter is None:
        response = Response(status=status)
    else:
        value = adapter.validate_python(answer.value, from_attributes=True)
        response = Response(adapter.dump_json(value, by_alias=True), status, mimetype=JSON)
        if isinstance(value, Listing):
            response.headers["Link"] = page_links(value)
    if answer.etag:
        response.set_etag(answer.etag)
    response.headers.update(answer.headers)
    return response


def page_links(listing: Listing[Any]) -> str:
    """Where the other parts of the list are (RFC 8288)."""
    last = max(1, -(-listing.total // listing.size))
    pages = {"first": 1, "prev": listing.page - 1, "next": listing.page + 1, "last": last}
    others = {name: value for name, value in request.args.items() if name != "page"}
    return ", ".join(
        f'<{request.path}?{urlencode({**others, "page": number})}>; rel="{relation}"'
        for relation, number in pages.items()
        if 1 <= number <= last
    )
