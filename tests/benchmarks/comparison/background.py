"""What goes on beside a measurement."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Self


class Background(ABC):
    """Works in a thread while it is entered."""

    def __init__(self) -> None:
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.stop()
        self._thread.join()

    def stop(self) -> None:
        """Begin nothing more."""
        self._ending.set()

    @abstractmethod
    def _run(self) -> None:
        """Until `_ending` is set."""
