"""Column types that peewee does not have."""

from __future__ import annotations

import json
from typing import Any

from peewee import Field


class JsonField(Field):
    """A JSON value kept as text: an empty object unless said otherwise (`default=list`)."""

    field_type = "TEXT"

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"default": dict, **options})

    def db_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)

    def python_value(self, value: str | None) -> Any:
        return {} if value is None else json.loads(value)
