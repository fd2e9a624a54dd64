"""Personal tokens: made and listed by their owner with a session, revoked by the owner or an administrator."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint
from pydantic import BeforeValidator, Field

from appliance.operations import api_tokens, checks
from appliance.operations.api_tokens import MAX_DAYS, Scope
from flask_admin_ui.api.operation import operation
from flask_admin_ui.security.access import context, require_session
from flask_admin_ui.shapes import Input, Moment, Output

blueprint = Blueprint("api_tokens", __name__, url_prefix="/api")

TokenName = Annotated[str, Field(json_schema_extra={"pattern": checks.PRINTABLE_NOT_BLANK})]
ChosenScope = Annotated[Scope, BeforeValidator(lambda value: Scope(value) if value in tuple(Scope) else value)]
"""By its word, also where nothing is converted."""


class NewToken(Input):
    """A token for a program."""

    name: TokenName = Field(max_length=checks.MAX_NAME, description="What uses it: unique among one's tokens.")
    scope: ChosenScope = Field(Scope.READ, description="`read` looks only, `write` does all that its owner may.")
    days: Annotated[int, Field(ge=1, le=MAX_DAYS)] | None = Field(None, description="It ends after so long.")


class Token(Output):
    """A token as it is stored: the text itself is not."""

    id: int
    user: str
    name: str
    beginning: str = Field(description="Its first characters, to recognise it by.")
    scope: Scope
    created_at: Moment
    expires_at: Moment | None
    used_at: Moment | None
    address: str = Field(description="From where it was used last.")


class TokenWithText(Token):
    """The only answer that ever holds the token."""

    token: str


class Tokens(Output):
    items: list[Token]


@blueprint.get("/auth/tokens")
@operation("List one's personal tokens", gives=Tokens)
def index() -> Any:
    """Newest first."""
    return {"items": api_tokens.list_tokens(context())}


@blueprint.post("/auth/tokens")
@operation("Make a personal token", takes=NewToken, gives=TokenWithText, status=201, clashes=True)
def add(body: NewToken) -> Any:
    """It is shown in this answer and never again. A token makes no further tokens: this needs a session."""
    require_session()
    made = api_tokens.make_token(context(), body.name, body.scope, days=body.days)
    stored = {name: getattr(made.view, name) for name in Token.model_fields}
    return {**stored, "token": made.token.reveal()}


@blueprint.delete("/auth/tokens/<int(max=9223372036854775807):token_id>")
@operation("Revoke a personal token", status=204)
def remove(token_id: int) -> Any:
    """One's own, or anybody's for an administrator. It is worth nothing from then on."""
    require_session()
    api_tokens.revoke_token(context(), token_id)


@blueprint.get("/users/<name>/tokens")
@operation("List the personal tokens of a person", gives=Tokens, admin=True)
def of_user(name: str) -> Any:
    return {"items": api_tokens.list_tokens(context(), name)}
