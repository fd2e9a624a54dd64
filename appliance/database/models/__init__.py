"""The tables, one class each. `ALL` is every table that the migrations must have made."""

from __future__ import annotations

from appliance.database.models.base import Table
from appliance.database.models.configuration import Config, Device, Extension, Removal, Revision
from appliance.database.models.people import (
    ApiToken,
    Audit,
    Idempotency,
    Session,
    SetupCode,
    SignInFailure,
    User,
)
from appliance.database.models.traffic import Ban, Binding, Call, CallLeg, Event

ALL: tuple[type[Table], ...] = (
    Config,
    User,
    Session,
    ApiToken,
    Idempotency,
    SetupCode,
    SignInFailure,
    Audit,
    Extension,
    Device,
    Revision,
    Removal,
    Ban,
    Binding,
    Call,
    CallLeg,
    Event,
)

__all__ = [
    "ALL",
    "ApiToken",
    "Audit",
    "Ban",
    "Binding",
    "Call",
    "CallLeg",
    "Config",
    "Device",
    "Event",
    "Extension",
    "Idempotency",
    "Removal",
    "Revision",
    "Session",
    "SetupCode",
    "SignInFailure",
    "Table",
    "User",
]
