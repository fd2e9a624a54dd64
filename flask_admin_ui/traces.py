"""What pages have read of the SIP messages, kept while nothing new has come.

A page asks every two seconds. Putting a hundred messages into words takes the signalling process a tenth of a second;
to tell that none has come takes it next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from appliance.operations.context import Context
from appliance.operations.trace import TraceOf, read_trace

SHOWN: Final = 100
MAX_KEPT: Final = 16
"""Some 200 KiB each at most."""


class Traces:
    """Safe for concurrent threads: what is kept is replaced, never changed."""

    def __init__(self) -> None:
        self._known: dict[TraceOf, Mapping[str, Any]] = {}

    def read(self, context: Context, of: TraceOf) -> Mapping[str, Any]:
        """The last messages, as `read_trace` has them; it raises what that does."""
        known = self._known.get(of)
        if known is not None:
            news = read_trace(context, of, after=known["cursor"], limit=0)
            if news["started_at"] == known["started_at"] and not news["total"]:
                return known
        answer = read_trace(context, of, limit=SHOWN)
        if len(self._known) >= MAX_KEPT:
            self._known = {}
        self._known[of] = answer
        return answer
