"""What one running admin app holds on to, for the views."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from appliance.operations.context import Appliance
from flask_admin_ui.daemon import Daemon
from flask_admin_ui.fragments import FragmentCache
from flask_admin_ui.processes import Processes
from flask_admin_ui.traces import Traces

KEY = "gosip"


@dataclass(frozen=True, slots=True)
class Services:
    """Made once in a process by `create_app`."""

    appliance: Appliance
    daemon: Daemon
    processes: Processes
    fragments: FragmentCache
    traces: Traces


def services() -> Services:
    """Those of the app that serves this request."""
    found: Services = current_app.extensions[KEY]
    return found
