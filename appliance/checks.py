"""The result of one check, in the form that all of them have: command line, pages and API show it alike."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at and how it is."""

    name: str
    """What was checked, for a person."""
    ok: bool | None
    """None: it could not be found out."""
    why: str
    """What was seen; never a secret."""
    fix: str = ""
    """What to do; empty when nothing is to be done."""

    def to_json(self) -> dict[str, object]:
        return {"name": self.name, "ok": self.ok, "why": self.why, "fix": self.fix}


def all_passed(checks: tuple[Check, ...]) -> bool:
    """Whether nothing failed and nothing stayed unknown."""
    return all(check.ok is True for check in checks)
