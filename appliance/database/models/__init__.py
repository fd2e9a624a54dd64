"""The tables, one class each. `ALL` is every table that the migrations must have made."""

from __future__ import annotations

from appliance.database.models.base import Table
from appliance.database.models.certificates import (
    Alarm,
    Deployment,
    DeviceCertificate,
    Issuance,
    Job,
    Renewal,
)
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
    Job,
    Renewal,
    Issuance,
    Deployment,
    Alarm,
    DeviceCertificate,
)

__all__ = [
    "ALL",
    "Alarm",
    "ApiToken",
    "Audit",
    "Ban",
    "Binding",
    "Call",
    "CallLeg",
    "Config",
    "Deployment",
    "Device",
    "DeviceCertificate",
    "Event",
    "Extension",
    "Idempotency",
    "Issuance",
    "Job",
    "Removal",
    "Renewal",
    "Revision",
    "Session",
    "SetupCode",
    "SignInFailure",
    "Table",
    "User",
]
