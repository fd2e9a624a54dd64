"""A shelf of real phones for one test: plugged in one by one, all unplugged at its end."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from tests.support.baresip import Baresip
from tests.support.linphone import Linphone
from tests.support.system import Account, GosipSystem

P = TypeVar("P", Baresip, Linphone)


class Shelf:
    """Phones of one system. Use it as a context manager."""

    def __init__(self, system: GosipSystem, folder: Path) -> None:
        self._system = system
        self._folder = folder
        self._names = count(1)
        self._stack = ExitStack()

    def __enter__(self) -> Shelf:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def plug_in(self, kind: type[P], account: Account, tone: float, *, registered: bool = True, **options: Any) -> P:
        """Start a phone that plays this tone, and wait until it is registered unless told otherwise.

        `host` is the address of the system that it registers at, where that has several.
        """
        host = options.pop("host", self._system.host)
        if kind is Baresip:
            options["host"] = host
        phone = kind(
            self._folder / f"{account.username}-{next(self._names)}",
            username=account.username,
            password=options.pop("password", account.password),
            server=options.pop("server", self._system.server_at(host)),
            tone=tone,
            **options,
        )
        self._stack.enter_context(phone)
        if registered:
            phone.wait_registered()
        return phone
