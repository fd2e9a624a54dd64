"""The pages: one blueprint for each noun, thin over `appliance.operations`."""

from __future__ import annotations

from flask_admin_ui.pages import account, bans, calls, certificates, dashboard, devices, messages, system, users

BLUEPRINTS = (
    dashboard.blueprint,
    devices.blueprint,
    calls.blueprint,
    users.blueprint,
    account.blueprint,
    system.blueprint,
    certificates.blueprint,
    bans.blueprint,
    messages.blueprint,
)
