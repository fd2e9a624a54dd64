"""What identifies a dialog: RFC 3261 §12.

The rule: the id is written from our side, so that the same dialog has mirrored ids at its two ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sip_daemon.message import Request, Response


class DialogState(StrEnum):
    """Early after a provisional response, confirmed after a 2xx (RFC 3261 §12)."""

    EARLY = "early"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class DialogId:
    """Call-ID, our tag, their tag. A peer of RFC 2543 has no tag: then it is empty (RFC 3261 §12.1.1)."""

    call_id: str
    local_tag: str
    remote_tag: str

    def __str__(self) -> str:
        return f"{self.call_id};local={self.local_tag};remote={self.remote_tag}"

    @classmethod
    def of_incoming(cls, request: Request) -> DialogId:
        """The dialog that a received request belongs to: its To is ours."""
        return cls(request.call_id, request.to.tag or "", request.from_.tag or "")

    @classmethod
    def of_answer(cls, response: Response) -> DialogId:
        """The dialog that a received response belongs to: its From is ours."""
        return cls(response.call_id, response.from_.tag or "", response.to.tag or "")
