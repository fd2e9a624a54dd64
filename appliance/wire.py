"""The form of what programs read from us: camelCase names, moments as RFC 3339 in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

TIME_SUFFIX = "_at"
"""Fields of that name are Unix seconds inside, and RFC 3339 outside."""


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def rfc3339(seconds: float) -> str:
    """Unix seconds as a moment in UTC; empty for what no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return ""


def to_json(value: Any) -> Any:
    """A value of ours as JSON."""
    match value:
        case Enum():
            return value.value
        case Mapping():
            return {camel(str(name)): field_json(str(name), one) for name, one in value.items()}
        case str():
            return value
        case list() | tuple() | frozenset():
            return [to_json(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {camel(entry.name): field_json(entry.name, getattr(value, entry.name)) for entry in fields(value)}
    return value


def field_json(name: str, value: Any) -> Any:
    is_moment = (name == "at" or name.endswith(TIME_SUFFIX)) and isinstance(value, int | float)
    return rfc3339(value) if is_moment else to_json(value)
