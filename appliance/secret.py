"""A text that must not be seen: it never prints itself, whatever it is handed to."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """A password, token or key. Only `reveal` gives it away, so that every place that does can be found."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself: for the one place that needs it, never for a log, a page or an argument of a program."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return repr(self)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        """In constant time."""
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("A Secret is not pickled: it would leave this process.")
