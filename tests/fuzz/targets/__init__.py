"""What is fed, and what must hold. Each target has its invariant in the docstring of its check.

A check returns when the invariant holds and raises otherwise, whatever it raises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to feed bytes to."""

    name: str
    seeds: Callable[[], Sequence[bytes]]
    check: Callable[[bytes], None]
    share: float
    """Of the inputs of a run over all targets."""
    is_text: bool = True
    extra_seeds: Callable[[], Sequence[bytes]] = field(default=list)
    """More seeds that may be absent on a machine."""
