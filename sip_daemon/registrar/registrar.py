"""The registrar (RFC 3261 §10.3): a REGISTER in, a response and the changes out.

The rule: a request changes all that it asks for or nothing. Everything is checked and worked out first, and the
location table is written once, at the end.

Where we go beyond the RFC: a device that already has its share of bindings is not refused. A phone that restarts on
a new port without an instance id would lock itself out for an hour; its dead bindings give way instead, the
unreachable ones first, then the oldest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from functools import lru_cache
from ipaddress import ip_address
from sys import intern
from typing import Final

from sip_daemon.authentication import Authenticated, Authenticator, Challenge, Denied, Verdict
from sip_daemon.directory import Device, Directory
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol, source_of
from sip_daemon.message import STAR, NameAddress, Parameters, Request, Response
from sip_daemon.message.grammar import quote
from sip_daemon.registrar.binding import Binding, BindingChange
from sip_daemon.registrar.location import LocationTable
from sip_daemon.registrar.outbound import (
    FLOW_TIMER,
    OFFERED,
    Path,
    PathNotSupported,
    check_single_flow,
    heeds_reg_id,
    read_path,
    read_reg_id,
)

MAX_CONTACT_LENGTH: Final = 1024
MAX_INSTANCE_LENGTH: Final = 256
MAX_USER_AGENT_LENGTH: Final = 128
DEFAULT_PORT: Final = 5060
OWN_PARAMETERS: Final = frozenset({"expires", "q", "+sip.instance", "reg-id"})
"""Contact parameters that are fields of a `Binding`."""


@dataclass(frozen=True, slots=True)
class RegistrarLimits:
    """How long a binding may last, and how many a device may have."""

    min_expires: int = 60
    """Seconds; less is answered with 423 (RFC 3261 §10.2.8)."""
    max_expires: int = 7200
    """Seconds; more is cut to this."""
    default_expires: int = 3600
    """Seconds, where the phone names none."""
    max_contacts: int = 10
    """Bindings of one device, and contacts in one request."""


@dataclass(frozen=True, slots=True)
class RegisterOutcome:
    """What `handle` made of a request."""

    response: Response
    changes: tuple[BindingChange, ...] = ()
    denied: str | None = None
    """Why the credentials were wrong, for the log and for whoever counts failures of a source."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One contact of a request, understood."""

    address: NameAddress
    text: str
    """The URI."""
    expires: int
    instance: str | None
    reg_id: int

    @property
    def key(self) -> str:
        return self.text if self.instance is None else f"{self.instance};{self.reg_id}"

    def is_for(self, binding: Binding) -> bool:
        """Which binding it adds to or renews: that of its instance, or of its URI where it has none."""
        if self.instance is not None:
            return binding.key == self.key
        return binding.instance is None and binding.is_at(self.address.uri, self.text)

    def refreshes(self, binding: Binding) -> bool:
        """Whether it asks for no more than that this very binding lasts longer."""
        is_same = self.text == binding.contact and self.instance == binding.instance and self.reg_id == binding.reg_id
        return is_same and self.expires > 0

    def removes(self, binding: Binding) -> bool:
        """A contact that is to go may be named by its URI alone."""
        return self.expires == 0 and (self.is_for(binding) or binding.is_at(self.address.uri, self.text))


@dataclass(slots=True)
class Registrar:
    """Answers REGISTER for the devices of a directory."""

    directory: Callable[[], Directory]
    locations: LocationTable
    authenticator: Authenticator
    limits: RegistrarLimits = field(default_factory=RegistrarLimits)
    wall_clock: Callable[[], float] = time.time
    judged: Callable[[Verdict, Flow], None] = lambda verdict, flow: None  # noqa: ARG005
    """Hears what became of each request's credentials: the defence."""
    _date: tuple[int, str] = field(default=(0, ""), init=False, repr=False)

    def handle(self, request: Request, flow: Flow, now: float) -> RegisterOutcome:
        """Answer one REGISTER; never raises."""
        try:
            return self._handle(request, flow, now)
        except PathNotSupported:
            return refuse(request, 420, [("Unsupported", "path")])
        except RemoteProtocolError as error:
            return RegisterOutcome(Response.to_request(request, error.status))

    def _handle(self, request: Request, flow: Flow, now: float) -> RegisterOutcome:
        if request.require and (unknown := request.require - OFFERED):
            return refuse(request, 420, [("Unsupported", ", ".join(sorted(unknown)))])  # RFC 3261 §10.3 step 2
        directory = self.directory()
        source = source_of(flow.remote.host)
        verdict = self.authenticator.verify(request, directory, now, source)
        self.judged(verdict, flow)
        match verdict:
            case Challenge(stale):
                challenges = self.authenticator.challenge(directory.realm, now, stale, request.user_agent, source)
                return refuse(request, 401, [("WWW-Authenticate", str(one)) for one in challenges])
            case Denied(reason):
                return replace(refuse(request, 403), denied=reason)
            case Authenticated(device):
                check_address_of_record(request, device, directory)
                return self._register(request, device, flow, now)

    def _register(self, request: Request, device: Device, flow: Flow, now: float) -> RegisterOutcome:
        path = read_path(request)
        wishes = self._read_wishes(request)
        is_outbound = any(wish.reg_id for wish in wishes)
        if is_outbound:
            check_single_flow(wish.expires for wish in wishes)
        if any(0 < wish.expires < self.limits.min_expires for wish in wishes):
            return refuse(request, 423, [("Min-Expires", str(self.limits.min_expires))])
        before = self.locations.bindings(device.username, now)
        if len(before) == len(wishes) == 1 and wishes[0].refreshes(before[0]):
            return self._refresh(request, wishes[0], before[0], flow, path, now)
        if request.contacts is STAR:
            after = self._clear(request, before)
        elif wishes:
            after = self._apply(request, wishes, before, device, flow, path, now)
        else:
            return RegisterOutcome(self._list(request, before, now))
        changes = self.locations.replace(device.username, after)
        response = self._list(request, after, now)
        if path or is_outbound:
            tell_route(response, request, path, flow, is_outbound=is_outbound)
        return RegisterOutcome(response, changes)

    def _refresh(
        self, request: Request, wish: Wish, before: Binding, flow: Flow, path: Path, now: float
    ) -> RegisterOutcome:
        """What nearly every REGISTER asks for: the device's one binding again. `_apply` comes to the same, slower."""
        before.check_order(request.call_id, request.cseq.number)
        binding = make_binding(request, wish, before.username, flow, path, now, before.registered_at)
        changes = self.locations.refresh(before, binding)
        response = self._list(request, (binding,), now)
        if path or wish.reg_id:
            tell_route(response, request, path, flow, is_outbound=bool(wish.reg_id))
        return RegisterOutcome(response, changes)

    def _read_wishes(self, request: Request) -> list[Wish]:
        contacts = request.contacts
        if contacts is STAR:
            return []
        if len(contacts) > self.limits.max_contacts:
            raise RemoteProtocolError("too many contacts in one REGISTER", status=403)
        header_expires = request.expires
        wishes = [self._read_wish(contact, header_expires) for contact in contacts]
        if any(wish.reg_id for wish in wishes) and not heeds_reg_id(request):
            wishes = [replace(wish, reg_id=0) for wish in wishes]
        return wishes

    def _read_wish(self, contact: NameAddress, header_expires: int | None) -> Wish:
        text = str(contact.uri)
        if not contact.uri.is_sip or len(text) + len(str(contact.parameters)) > MAX_CONTACT_LENGTH:
            raise RemoteProtocolError("a contact that is no SIP URI, or too long")
        expires = contact.expires
        if expires is None:
            expires = header_expires if header_expires is not None else self.limits.default_expires
        instance = contact.parameters.get("+sip.instance") or None
        if instance is not None and len(instance) > MAX_INSTANCE_LENGTH:
            raise RemoteProtocolError("an instance id that is too long")
        reg_id = read_reg_id(contact.parameters.get("reg-id")) if instance is not None else 0
        return Wish(contact, text, min(expires, self.limits.max_expires), instance, reg_id)

    def _clear(self, request: Request, before: tuple[Binding, ...]) -> tuple[Binding, ...]:
        """`Contact: *` (RFC 3261 §10.3 step 6)."""
        if request.expires != 0:
            raise RemoteProtocolError("Contact: * without Expires: 0")
        for binding in before:
            binding.check_order(request.call_id, request.cseq.number)
        return ()

    def _apply(
        self,
        request: Request,
        wishes: Sequence[Wish],
        before: tuple[Binding, ...],
        device: Device,
        flow: Flow,
        path: Path,
        now: float,
    ) -> tuple[Binding, ...]:
        """RFC 3261 §10.3 step 7. Removals go first: a phone whose address changed removes its old contact and adds the
        new one in one request, in either order, and both may carry its instance."""
        for binding in before:
            if any(wish.is_for(binding) or wish.removes(binding) for wish in wishes):
                binding.check_order(request.call_id, request.cseq.number)
        after = [binding for binding in before if not any(wish.removes(binding) for wish in wishes)]
        first_seen = {binding.key: binding.registered_at for binding in before}
        for wish in wishes:
            if wish.expires:
                registered_at = first_seen.get(wish.key) or self.wall_clock()
                after = [binding for binding in after if not wish.is_for(binding)]
                after.append(make_binding(request, wish, device.username, flow, path, now, registered_at))
        return self._within_share(after)

    def _within_share(self, bindings: list[Binding]) -> tuple[Binding, ...]:
        surplus = len(bindings) - self.limits.max_contacts
        if surplus > 0:
            by_worth = sorted(bindings, key=lambda one: (one.reachable, one.registered_at))
            dropped = {one.key for one in by_worth[:surplus]}
            bindings = [one for one in bindings if one.key not in dropped]
        return tuple(bindings)

    def _list(self, request: Request, bindings: tuple[Binding, ...], now: float) -> Response:
        """The 200 with all bindings (RFC 3261 §10.3 step 8)."""
        response = Response.to_request(request, 200)
        for binding in bindings:
            response.headers.add("Contact", contact_value(binding, now))
        response.headers.add("Date", self._date_text())
        return response

    def _date_text(self) -> str:
        """Phones set their clock by it; made once a second."""
        second = int(self.wall_clock())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True))
        return self._date[1]


def refuse(request: Request, status: int, headers: Sequence[tuple[str, str]] = ()) -> RegisterOutcome:
    response = Response.to_request(request, status)
    for name, value in headers:
        response.headers.add(name, value)
    return RegisterOutcome(response)


def check_address_of_record(request: Request, device: Device, directory: Directory) -> None:
    """RFC 3261 §10.3 steps 4 and 5: a name of ours, and the device's own."""
    uri = request.to.uri
    if not uri.is_sip:
        raise RemoteProtocolError("the address of record is no SIP URI")
    if uri.host.lower() not in directory.domains:
        raise RemoteProtocolError("the address of record is not in our domains", status=404)
    if uri.user != device.username:
        raise RemoteProtocolError("the address of record is not the device's own", status=403)


def tell_route(response: Response, request: Request, path: Path, flow: Flow, *, is_outbound: bool) -> None:
    """What a 200 says of the way to the phone: the Path as it was stored (RFC 3327 §5.3), and that the flow is kept,
    with the time within which the phone has to give a sign of life (RFC 5626 §6)."""
    for hop in path:
        response.headers.add("Path", hop)
    supported = request.supported
    if is_outbound and "outbound" in supported:
        response.headers.add("Require", "outbound")
        if flow.transport.is_reliable and not path:
            response.headers.add("Flow-Timer", str(FLOW_TIMER))
    response.headers.add("Supported", ", ".join(sorted(OFFERED)))


def make_binding(
    request: Request, wish: Wish, username: str, flow: Flow, path: Path, now: float, registered_at: float
) -> Binding:
    q = wish.address.q
    user_agent = request.user_agent
    return Binding(
        username=username,
        contact=wish.text,
        flow=flow if path else flow_to_contact(wish, flow),
        expires_at=now + wish.expires,
        registered_at=registered_at,
        call_id=request.call_id,
        cseq=request.cseq.number,
        instance=wish.instance,
        reg_id=wish.reg_id,
        q=1.0 if q is None else q,
        # A site has hundreds of phones and a handful of models.
        user_agent=intern(user_agent[:MAX_USER_AGENT_LENGTH]) if user_agent else None,
        parameters=other_parameters(wish.address),
        path=path,
    )


def flow_to_contact(wish: Wish, flow: Flow) -> Flow:
    """The flow by which calls reach a contact: the one that the REGISTER came on (RFC 5626 §5.3).

    On UDP there are telephones that send from one port and listen on another. Where the contact names the very host
    that the REGISTER came from, and no public one (which a phone may have learned by STUN, with a port that is not ours
    to use), no NAT stands between us: the port that it names is the one (RFC 3261 §10.3). A phone that gives a reg-id
    says that it listens on its flow.
    """
    uri, host = wish.address.uri, flow.remote.host
    is_elsewhere = uri.host != host or not is_private(host) or uri.transport not in (None, "udp")
    if flow.transport is not TransportProtocol.UDP or wish.reg_id or is_elsewhere:
        return flow
    port = uri.port or DEFAULT_PORT
    if port == flow.remote.port:
        return flow
    return Flow(flow.transport, flow.local, TransportAddress(host, port), flow.connection)


@lru_cache(maxsize=4096)
def is_private(host: str) -> bool:
    """Whether an address belongs to no public network."""
    return ip_address(host).is_private


def other_parameters(contact: NameAddress) -> str:
    """The parameters that are no field of a binding, as they are written."""
    if not contact.parameters or OWN_PARAMETERS.issuperset(contact.parameters):
        return ""
    return str(Parameters(contact.parameters).without(*OWN_PARAMETERS))


def contact_value(binding: Binding, now: float) -> str:
    """A binding as the 200 lists it: all the parameters it came with, and the time that remains."""
    text = f"<{binding.contact}>{binding.parameters}"
    if binding.instance is not None:
        text += f";+sip.instance={quote(binding.instance)}"
    if binding.reg_id:
        text += f";reg-id={binding.reg_id}"
    if binding.q != 1.0:
        text += f";q={binding.q:g}"
    return f"{text};expires={max(0, round(binding.expires_at - now))}"
