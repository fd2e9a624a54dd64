"""The API token of Cloudflare; for administrators. No answer ever holds it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from pydantic import Field

from appliance.checks import all_passed
from appliance.operations import cloudflare
from appliance.secret import Secret
from appliance.settings import Source
from flask_admin_ui.api.operation import operation
from flask_admin_ui.security.access import context
from flask_admin_ui.shapes import CheckResult, Input, Output

blueprint = Blueprint("api_cloudflare", __name__, url_prefix="/api/system/cloudflare")


class CloudflareToken(Output):
    """What may be seen of the token."""

    is_set: bool
    ending: str = Field(description="Its last four characters.")
    source: Source
    trouble: str = Field(description="Why the stored one cannot be opened, and what to do; else empty.")


class NewCloudflareToken(Input):
    """A token to keep, sealed."""

    token: str = Field(
        min_length=40, max_length=200, json_schema_extra={"pattern": "^[A-Za-z0-9_-]*$"}, description="An API token."
    )


class NamesToCheck(Input):
    names: list[str] = Field(min_length=1, max_length=cloudflare.MAX_NAMES, description="Names of this system.")


class CheckResults(Output):
    ok: bool = Field(description="Whether all is well.")
    checks: list[CheckResult]


@blueprint.get("/token")
@operation("Show whether a Cloudflare token is set", gives=CloudflareToken, admin=True)
def show() -> Any:
    return cloudflare.token_view(context())


@blueprint.put("/token")
@operation("Store a Cloudflare token", takes=NewCloudflareToken, gives=CloudflareToken, admin=True, clashes=True)
def store(body: NewCloudflareToken) -> Any:
    """It is kept sealed. 409 when a variable of the environment decides."""
    return cloudflare.set_cloudflare_token(context(), Secret(body.token))


@blueprint.delete("/token")
@operation("Forget the stored Cloudflare token", status=204, admin=True, refusals=(404,))
def remove() -> Any:
    cloudflare.set_cloudflare_token(context(), None)


@blueprint.post("/check")
@operation(
    "Check what the Cloudflare token may do",
    takes=NamesToCheck,
    gives=CheckResults,
    admin=True,
    clashes=True,
    refusals=(404,),
)
def check(body: NamesToCheck) -> Any:
    """A TXT record is added and removed in each zone; it takes seconds. 404 when no token is set."""
    checks = cloudflare.check_cloudflare(context(), tuple(body.names))
    return {"ok": all_passed(checks), "checks": checks}
