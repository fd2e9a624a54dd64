"""Why a peer ended or took back something: the Reason header (RFC 3326, RFC 6432), read for what can be trusted in it.

Only numbers are taken from a peer. The words for people, and for the Reason of the other leg, are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import Request, Response, reason_phrase
from sip_daemon.message.parameters import Parameters

Q850_WORDS: Final[Mapping[int, str]] = {
    1: "unassigned number",
    17: "busy",
    18: "no response",
    19: "no answer",
    20: "subscriber absent",
    21: "rejected",
    26: "answered elsewhere",
    27: "phone out of order",
    34: "no line free",
    38: "network out of order",
    41: "temporary failure",
    42: "congestion",
    47: "no resources",
    58: "media not available now",
    65: "media not implemented",
    79: "service not implemented",
    88: "incompatible media",
    102: "a timer ran out",
    111: "protocol error",
    127: "interworking",
}
"""ITU-T Q.850 §2.2.7, in few words."""

NORMAL_Q850: Final = frozenset({16, 31})
"""Normal call clearing; normal, unspecified."""


@dataclass(frozen=True, slots=True)
class Reason:
    """What a peer gave as its reason; 0 for what it did not say."""

    sip: int = 0
    """A SIP status."""
    q850: int = 0
    """A cause value of ITU-T Q.850."""

    @property
    def is_normal(self) -> bool:
        """Whether it says no more than that the call is over."""
        return self.q850 in (0, *NORMAL_Q850) and not (self.sip and self.sip >= 300)

    @property
    def words(self) -> str:
        """For a person."""
        if self.q850 not in (0, *NORMAL_Q850):
            return Q850_WORDS.get(self.q850, f"cause {self.q850}")
        return reason_phrase(self.sip).lower()


NO_REASON: Final = Reason()


def read_reason(message: Request | Response) -> Reason:
    """The reason in a message; what cannot be read is passed over, for a BYE is one whatever its Reason says."""
    if "Reason" not in message.headers:
        return NO_REASON
    sip = q850 = 0
    try:
        values = message.headers.values("Reason")
    except RemoteProtocolError:
        return NO_REASON
    for value in values:
        protocol, _, rest = value.partition(";")
        match protocol.strip().lower():
            case "sip":
                sip = sip or _cause(rest, 100, 699)
            case "q.850":
                q850 = q850 or _cause(rest, 1, 127)
    return Reason(sip, q850)


def _cause(text: str, lowest: int, highest: int) -> int:
    try:
        value = Parameters.parse(text).get("cause") or ""
    except RemoteProtocolError:
        return 0
    number = int(value) if value.isascii() and value.isdigit() and len(value) <= 3 else 0
    return number if lowest <= number <= highest else 0
