"""What executes the tables of this package's machines.

A machine is a table `{state: {input: (next state, action)}}`. An input that a state does not list is ignored: that is
how what comes too late is absorbed. An action is a method that gets what came (None for a timer) and the time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, ClassVar, TypeAlias

logger = logging.getLogger(__name__)

Action: TypeAlias = Callable[[Any, Any, float], None]
Table: TypeAlias = Mapping[StrEnum, Mapping[StrEnum, tuple[StrEnum, Action | None]]]


class Machine:
    """A state and the table by which it changes."""

    TABLE: ClassVar[Table]

    __slots__ = ("state",)

    state: StrEnum

    def _feed(self, input_: StrEnum, message: object = None, now: float = 0.0) -> bool:
        """Take one arrow; False when the state has none for this input."""
        row = self.TABLE[self.state].get(input_)
        if row is None:
            return False
        next_state, action = row
        if next_state is not self.state:
            self._set_state(next_state)
        if action is not None:
            action(self, message, now)
        return True

    def _set_state(self, new: StrEnum) -> None:
        """The only place where the state changes."""
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s: %s -> %s", type(self).__name__, self.state, new)
        self.state = new
