"""Asks phones whether they are there, where nobody else would notice that they are not.

Theory of operation. A connection that breaks is noticed by the transport. What remains is asked with OPTIONS:

    a phone whose last request got no answer       at once
    a phone over UDP behind a NAT                  every half minute, which keeps the NAT's mapping open as well
    a phone that did not answer                    every minute, until it does, registers anew or expires

Any answer will do, a refusal too. Without one within `PATIENCE` (five transmissions over UDP) the binding is shown as
unreachable, with the reason, and calls pass it over. An ICMP error alone proves nothing, since anybody can forge one:
it is a reason to ask.

A phone on the LAN that answers is never asked: a thousand of them cost nothing.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from sip_daemon.endpoint import ClientEvent, Endpoint, Handle
from sip_daemon.flow import Flow, TransportProtocol
from sip_daemon.message import NameAddress, Request, Uri, new_call_id, new_tag
from sip_daemon.registrar import Binding, BindingChange, LocationTable
from sip_daemon.transaction import ResponseReceived

log = logging.getLogger(__name__)

NAT_SECONDS: Final = 30.0
"""Below the mapping time of all but the meanest NATs (RFC 4787 §4.3 asks for two minutes; half a minute occurs)."""
AGAIN_SECONDS: Final = 60.0
"""Between questions to a phone that did not answer."""
PATIENCE: Final = 8.0
"""For an answer."""
NO_ANSWER: Final = "it does not answer"

Key = tuple[str, str]
"""Username and key of a binding."""


@dataclass(slots=True)
class Watch:
    """A binding that is asked: its next question, or the deadline of the present one."""

    timer: Handle
    is_asking: bool = False


class Reachability:
    """Belongs to the daemon. `note` takes what changed in the location table."""

    def __init__(
        self,
        endpoint: Endpoint,
        locations: LocationTable,
        note: Callable[[Iterable[BindingChange]], None],
        *,
        spread: Callable[[], float] = random.random,
    ) -> None:
        """`spread` gives numbers from 0 to below 1: after a power cut not all phones are asked in the same moment."""
        self._endpoint = endpoint
        self._locations = locations
        self._note = note
        self._spread = spread
        self._watched: dict[Key, Watch] = {}

    def __len__(self) -> int:
        """How many phones are asked now and then."""
        return len(self._watched)

    def follow(self, binding: Binding) -> None:
        """A binding was registered or refreshed."""
        # First the tests that most bindings end at: every REGISTER comes by here.
        flow = binding.flow
        if flow.transport is not TransportProtocol.UDP or flow.remote.host in binding.contact or binding.path:
            return
        key = (binding.username, binding.key)
        if key not in self._watched:
            self._watch(key, NAT_SECONDS * (0.5 + self._spread() / 2))

    def doubt(self, flow: Flow) -> None:
        """A request of ours on `flow` got no answer, or could not be sent."""
        now = self._endpoint.now()
        # One that is in trouble already is asked in its turn; else our own question would lead to the next.
        for binding in self._locations.on_flow(flow):
            if not binding.trouble and binding.expires_at > now and not binding.path:
                self._doubt(binding)

    def _doubt(self, binding: Binding) -> None:
        key = (binding.username, binding.key)
        watch = self._watched.get(key)
        if watch is not None and watch.is_asking:
            return
        if watch is not None:
            watch.timer.cancel()
        self._ask(key)

    def _watch(self, key: Key, seconds: float) -> None:
        self._watched[key] = Watch(self._endpoint.call_later(seconds, lambda: self._ask(key)))

    def _ask(self, key: Key) -> None:
        binding = self._binding(key)
        if binding is None or (binding.trouble and not self._endpoint.can_send(binding.flow)):
            self._watched.pop(key, None)  # it expired, or its connection is gone for good
            return
        timer = self._endpoint.call_later(PATIENCE, lambda: self._missed(key, binding))
        self._watched[key] = Watch(timer, is_asking=True)
        self._endpoint.send_request(
            make_options(self._endpoint, binding), binding.flow, lambda event: self._heard(key, event)
        )

    def _heard(self, key: Key, event: ClientEvent) -> None:
        watch = self._watched.get(key)
        if watch is None or not watch.is_asking:
            return
        binding = self._binding(key)
        if not isinstance(event, ResponseReceived):
            watch.timer.cancel()
            if binding is not None:
                self._missed(key, binding)
            return
        watch.timer.cancel()
        del self._watched[key]
        if binding is not None:
            self._note(self._locations.set_trouble(binding, ""))
            self.follow(binding)

    def _missed(self, key: Key, asked: Binding) -> None:
        """No answer. If it has registered on another flow meanwhile, that one was not asked."""
        self._watched.pop(key, None)
        binding = self._binding(key)
        if binding is None:
            return
        if binding.flow != asked.flow:
            self.follow(binding)
            return
        if not binding.trouble:
            log.info("%s does not answer on %s", binding.username, binding.flow, extra={"flow": str(binding.flow)})
            self._note(self._locations.set_trouble(binding, NO_ANSWER))
        self._watch(key, AGAIN_SECONDS)

    def _binding(self, key: Key) -> Binding | None:
        bindings = self._locations.bindings(key[0], self._endpoint.now())
        return next((one for one in bindings if one.key == key[1]), None)


def make_options(endpoint: Endpoint, binding: Binding) -> Request:
    """OPTIONS outside any dialog (RFC 3261 §11.1)."""
    contact = endpoint.contact(binding.flow)
    request = Request("OPTIONS", binding.contact)
    own = NameAddress("", Uri("sip", "gosip", host=contact.uri.host))
    for name, value in (
        ("From", str(own.with_tag(new_tag()))),
        ("To", f"<{binding.contact}>"),
        ("Call-ID", new_call_id()),
        ("CSeq", "1 OPTIONS"),
        ("Contact", str(contact)),
        ("Accept", "application/sdp"),
    ):
        request.headers.add(name, value)
    return request
