"""The form of what goes over the API: camelCase names outside, ours inside; moments as RFC 3339.

One rule: a shape is both what a request or an answer is checked by and what the OpenAPI document shows of it, so that
the two cannot differ.
"""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from appliance.operations.checks import Refused
from appliance.wire import camel, rfc3339, to_json

MAX_INTEGER = 2**63 - 1
"""What a database column holds."""
Row = TypeVar("Row")


class Shape(BaseModel):
    """What all shapes have in common. Made from our frozen values by the names of their attributes."""

    model_config = ConfigDict(
        alias_generator=camel, populate_by_name=True, from_attributes=True, frozen=True, ser_json_inf_nan="null"
    )


class Input(Shape):
    """A body: every field has its exact kind, and one that nobody knows is refused rather than passed over."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(Shape):
    """The parameters of a query: texts, read as what they mean. A misspelt filter is refused, not passed over."""

    model_config = ConfigDict(extra="forbid")


class Output(Shape):
    """An answer. Programs must expect further fields in later versions."""


Moment = Annotated[
    float,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""Unix seconds inside, RFC 3339 in UTC outside."""

Integer = Annotated[int, Field(ge=-MAX_INTEGER, le=MAX_INTEGER)]


Free = Annotated[
    Any,
    PlainSerializer(to_json),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
"""An object whose names differ from case to case: media figures, details of events."""


def checked_by(check: Any, **schema: Any) -> Any:
    """The annotation of a text that an operation's own check reads; `schema` says the same to programs."""

    def validate(value: Any) -> Any:
        try:
            return check(value)
        except Refused as error:
            raise PydanticCustomError("refused", "{reason}", {"reason": str(error)}) from error

    return AfterValidator(validate), Field(json_schema_extra=schema)


class Listing(Output, Generic[Row]):
    """A part of a list, and where it lies in the whole."""

    items: list[Row]
    total: int = Field(ge=0, description="How many there are in all.")
    page: int = Field(ge=1)
    size: int = Field(ge=1, le=100)

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{params[0].__name__}List"


class CheckResult(Output):
    """One thing that was looked at: an `appliance.checks.Check`."""

    name: str
    ok: bool | None = Field(description="Null: it could not be found out, or there was nothing to look at.")
    why: str
    fix: str = Field(description="What to do; empty when nothing is.")


class FieldProblem(Output):
    """One field of the input and why it was refused."""

    field: str
    message: str


class Problem(Output):
    """Why a request was not served (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="For a person: what happened, why, what to do.")
    details: list[FieldProblem] = Field(description="Each refused field of the input.")
    reference: str | None = Field(None, description="Finds an unexpected failure in the log of the admin app.")
