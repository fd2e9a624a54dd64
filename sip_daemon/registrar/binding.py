"""One registered contact.

The rule: a binding is a value. A refresh makes a new one in its place; `key` says whether two of one device are the
same binding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow
from sip_daemon.message import Uri


@dataclass(frozen=True, slots=True)
class Binding:
    """A contact of a device, and the flow that leads to it. 20,000 of them live in memory: no field is for show."""

    username: str
    contact: str
    """The contact's URI, as registered: the request-URI of a call to it."""
    flow: Flow
    """Where the REGISTER came from, and where calls go (RFC 5626 §5.3; behind NAT nothing else leads there)."""
    expires_at: float
    """Monotonic."""
    registered_at: float
    """Unix seconds of the first REGISTER of this binding."""
    call_id: str
    cseq: int
    instance: str | None = None
    """Value of +sip.instance without quotes, e.g. `<urn:uuid:...>` (RFC 5626 §4.1)."""
    reg_id: int = 0
    """0: none given."""
    q: float = 1.0
    user_agent: str | None = None
    parameters: str = ""
    """The other parameters of the contact, as text, for the 200."""
    path: tuple[str, ...] = ()
    """Route values of the calls to it, the hop next to us first (RFC 3327)."""
    trouble: str = ""
    """Why no call can be sent there now, in words for a person; empty while nothing is known against it."""

    @property
    def reachable(self) -> bool:
        """Whether a call can be sent there. A phone that is not may come back by itself."""
        return not self.trouble

    @property
    def key(self) -> str:
        """What makes it the same binding of its device: the instance where the phone gives one (RFC 5626 §5.1; also
        without reg-id, so that a phone that comes back on another port does not ring twice), else the URI."""
        return self.contact if self.instance is None else f"{self.instance};{self.reg_id}"

    def is_at(self, uri: Uri, text: str) -> bool:
        """Whether the contact is that URI, by the rules of RFC 3261 §19.1.4."""
        return self.contact == text or Uri.parse(self.contact).equivalent(uri)

    def check_order(self, call_id: str, cseq: int) -> None:
        """RFC 3261 §10.3, step 7: a request of the same Call-ID that came before may not undo this one."""
        if call_id == self.call_id and cseq <= self.cseq:
            raise RemoteProtocolError("a REGISTER with an old CSeq", status=500)

    def with_trouble(self, trouble: str) -> Binding:
        return replace(self, trouble=trouble)


class BindingEvent(StrEnum):
    """What became of a binding."""

    REGISTERED = "registered"
    REFRESHED = "refreshed"
    REMOVED = "removed"
    """By the phone, by another binding in its place, or with its device."""
    EXPIRED = "expired"
    UNREACHABLE = "unreachable"
    """Its connection is gone, or it does not answer. Nothing to store: no connection outlives the process anyway."""
    REACHABLE = "reachable again"
    """It answers after all."""

    @property
    def is_gone(self) -> bool:
        return self in (BindingEvent.REMOVED, BindingEvent.EXPIRED)


@dataclass(frozen=True, slots=True)
class BindingChange:
    """For `store`, which keeps the last state of each key, and for whoever shows the phones."""

    event: BindingEvent
    binding: Binding
    """As it is now, or as it was when it is gone."""
    expires_at: float
    """Unix seconds: what lasts is written in wall time."""

    @property
    def key(self) -> tuple[str, str]:
        return self.binding.username, self.binding.key
