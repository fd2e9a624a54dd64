"""A page that was told of news asks at once, and must not be shown what was known before.

The stream of events says when something happened, by the clock of this machine; the page sends that moment along, and
what any cache of this process holds from before it is made anew. Each process of the admin app has caches of its own,
so the moment comes with the request and not by another way.
"""

from __future__ import annotations

import time
from typing import Final

from flask import Flask, request

from flask_admin_ui.services import services

HEADER: Final = "X-Newer-Than"
"""Unix seconds of the news."""
OLDEST_SECONDS: Final = 60.0
"""No cache keeps anything for so long: what is said to be older, or to come, is of no interest."""


def install(app: Flask) -> None:
    app.before_request(heed_news)


def heed_news() -> None:
    """Let what is older than the news that the page was told of be made anew."""
    text = request.headers.get(HEADER)
    if text is None:
        return
    try:
        age = time.time() - float(text)
    except ValueError:
        return
    if not 0 <= age <= OLDEST_SECONDS:  # also for what is no number
        return
    moment = time.monotonic() - age
    here = services()
    for cache in (here.daemon, here.processes, here.fragments):
        cache.expire_before(moment)
