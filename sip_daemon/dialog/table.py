"""The live dialogs, found by the identity of a request.

The rule: a request is never matched by anything less than Call-ID and both tags (RFC 3261 §12.2.2).
"""

from __future__ import annotations

from collections.abc import Iterator

from sip_daemon.dialog.dialog import Dialog
from sip_daemon.dialog.identity import DialogId
from sip_daemon.errors import LocalProtocolError
from sip_daemon.message import Request


class DialogTable:
    """Dialogs by `DialogId`; every look-up is one step."""

    def __init__(self) -> None:
        self._dialogs: dict[DialogId, Dialog] = {}

    def __len__(self) -> int:
        return len(self._dialogs)

    def __iter__(self) -> Iterator[Dialog]:
        return iter(tuple(self._dialogs.values()))

    def add(self, dialog: Dialog) -> None:
        """Raises `LocalProtocolError` when another dialog has that id."""
        if self._dialogs.setdefault(dialog.id, dialog) is not dialog:
            raise LocalProtocolError("two dialogs cannot have the same id")

    def remove(self, dialog: Dialog) -> None:
        """Forget a dialog; one that is not there is no error, for both sides of a call may end it."""
        if self._dialogs.get(dialog.id) is dialog:
            del self._dialogs[dialog.id]

    def find(self, request: Request) -> Dialog | None:
        """The dialog of a received request."""
        return self._dialogs.get(DialogId.of_incoming(request))

    def get(self, dialog_id: DialogId) -> Dialog | None:
        return self._dialogs.get(dialog_id)
