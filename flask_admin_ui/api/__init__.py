"""The JSON twin of the pages: /api, camelCase names, RFC 9457 errors, 20 rows a page unless asked otherwise."""

from __future__ import annotations

from flask_admin_ui.api import (
    auth,
    bans,
    calls,
    certificates,
    cloudflare,
    devices,
    events,
    extensions,
    health,
    reference,
    system,
    tokens,
    trace,
    users,
)

BLUEPRINTS = (
    auth.blueprint,
    tokens.blueprint,
    devices.blueprint,
    extensions.blueprint,
    calls.blueprint,
    users.blueprint,
    system.blueprint,
    cloudflare.blueprint,
    certificates.blueprint,
    bans.blueprint,
    trace.blueprint,
    events.blueprint,
    health.blueprint,
    reference.blueprint,
)
