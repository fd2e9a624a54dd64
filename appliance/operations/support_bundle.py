"""Making a support bundle: one at a time, by an administrator, and written down."""

from __future__ import annotations

import threading

from appliance.errors import Conflict
from appliance.operations.audit import note
from appliance.operations.configuration import current_settings
from appliance.operations.context import Context
from appliance.support.archive import Bundle, Tell, build

BUSY = "A support bundle is being made already. Try again in some seconds."
_making = threading.Lock()


def make_support_bundle(context: Context, *, with_numbers: bool = False, tell: Tell | None = None) -> Bundle:
    """The bundle, in memory. Takes seconds. Raises `Forbidden`, or `Conflict` while this process makes another one."""
    context.require_admin()
    if not _making.acquire(blocking=False):
        raise Conflict(BUSY)
    try:
        bundle = build(current_settings(context), context.now, with_numbers=with_numbers, tell=tell)
    finally:
        _making.release()
    note(context, "support.bundle", bundle.name, with_numbers=with_numbers, bytes=len(bundle.data))
    return bundle
