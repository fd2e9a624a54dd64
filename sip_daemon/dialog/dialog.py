"""A dialog: RFC 3261 §12, target refresh of RFC 3311 and RFC 6665 included.

Theory of operation. A dialog is made by a response with a To tag: by `as_uas` from the one that we send, by
`as_uac` from the one that we get. A provisional response makes it early, a 2xx confirms it. One INVITE of ours may
be answered by several user agents behind a forking proxy; each To tag is then a dialog of its own (`matches` tells
them apart).

From then on the dialog knows how to address the peer: the request-URI and Route headers follow from the route set
and the remote target (§12.2.1.1), CSeq counts up by one. The route set is fixed once the dialog is confirmed; the
remote target follows the Contact of target refresh requests and their 2xx.

The rule: a dialog makes and checks messages and sends none. The transaction user adds Contact, the endpoint Via.

What is left out: whether two INVITEs overlap (491, 500 of §14) is known to the leg, which has the transactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sip_daemon.dialog import blob
from sip_daemon.dialog.identity import DialogId, DialogState
from sip_daemon.dialog.routing import address_request, first_contact
from sip_daemon.errors import LocalProtocolError, RemoteProtocolError
from sip_daemon.flow import Flow
from sip_daemon.message import NameAddress, Request, Response, Uri
from sip_daemon.message.cseq import MAX_CSEQ

TARGET_REFRESH_METHODS = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"})
"""RFC 3261 §12.2, RFC 3311 §5.1, RFC 6665 §4.1.2 and §4.4.1."""

ENDING_STATUSES = frozenset({408, 481})
"""Answers to a request within the dialog that end it (RFC 3261 §12.2.1.2)."""

CHALLENGES = frozenset({401, 407})

CREDENTIALS = ("Authorization", "Proxy-Authorization")


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Dialog:
    """One dialog, seen from our side."""

    id: DialogId
    state: DialogState
    is_uac: bool
    """Whether the request that made the dialog was ours."""
    local: str
    """Our From in requests, with tag; as text, for nothing else is done with it for as long as the dialog lasts."""
    remote: str
    """Their To in requests, with tag."""
    remote_target: Uri
    """Their Contact: where requests go."""
    route_set: tuple[NameAddress, ...]
    """The proxies that stay on the way, in the order of our requests."""
    local_cseq: int
    """Of our last request; 0 while there was none."""
    remote_cseq: int | None
    """Of their last request; None while there was none."""
    secure: bool
    """Whether the dialog was made by a sips: request over TLS and must stay so."""
    flow: Flow
    """On which our requests leave; set anew when the peer comes back on another."""

    def __repr__(self) -> str:
        return f"<Dialog {self.id} {self.state}>"

    # --- making one -------------------------------------------------------------------------------------------

    @classmethod
    def as_uas(cls, request: Request, response: Response, flow: Flow) -> Dialog:
        """The dialog made by our answer (101-299, with a To tag) to `request` (RFC 3261 §12.1.1).

        Raises `RemoteProtocolError` when the request has no usable Contact.
        """
        tag = response.to.tag
        if not tag:
            raise LocalProtocolError("a response without To tag makes no dialog")
        target = first_contact(request)
        if target is None:
            raise RemoteProtocolError("no usable Contact", warning="A Contact header is required")
        return cls(
            id=DialogId(request.call_id, tag, request.from_.tag or ""),
            state=_state_after(response),
            is_uac=False,
            local=str(response.to),
            remote=str(request.from_),
            remote_target=target,
            route_set=request.record_routes,
            local_cseq=0,
            remote_cseq=request.cseq.number,
            secure=_is_secure(request, flow),
            flow=flow,
        )

    @classmethod
    def as_uac(cls, request: Request, response: Response, flow: Flow) -> Dialog:
        """The dialog made by the peer's answer (101-299) to our `request` (RFC 3261 §12.1.2).

        A provisional response should carry a Contact, but many phones leave it out of their 180: until one comes
        the remote target is where the request went.
        """
        return cls(
            id=DialogId.of_answer(response),
            state=_state_after(response),
            is_uac=True,
            local=str(request.from_),
            remote=str(response.to),
            remote_target=first_contact(response) or request.uri,
            route_set=_reversed_routes(response),
            local_cseq=request.cseq.number,
            remote_cseq=None,
            secure=_is_secure(request, flow),
            flow=flow,
        )

    def matches(self, response: Response) -> bool:
        """Whether a response to the request that made us belongs to this dialog or to another fork."""
        return DialogId.of_answer(response) == self.id

    # --- our requests -----------------------------------------------------------------------------------------

    def request(self, method: str) -> Request:
        """The next request within the dialog, without Via and Contact (RFC 3261 §12.2.1.1)."""
        if method in ("ACK", "CANCEL"):
            raise LocalProtocolError(f"{method} has no CSeq number of its own")
        if self.local_cseq >= MAX_CSEQ:
            raise LocalProtocolError("CSeq is used up")
        self.local_cseq += 1
        return self._compose(method, self.local_cseq)

    def ack(self, invite: Request) -> Request:
        """The ACK for a 2xx to `invite`: its CSeq number and its credentials (RFC 3261 §13.2.2.4)."""
        ack = self._compose("ACK", invite.cseq.number)
        for name in CREDENTIALS:
            for value in invite.headers.get_all(name):
                ack.headers.add(name, value)
        return ack

    def receive_response(self, request: Request, response: Response) -> None:
        """A response to `request`, which was ours: the one that made the dialog or a later one.

        Raises `RemoteProtocolError` when its Contact cannot be read.
        """
        if response.status >= 300:
            if self._is_end(request, response.status):
                self.state = DialogState.TERMINATED
        elif self.matches(response):
            if request.method in TARGET_REFRESH_METHODS:
                self._follow(request, response)
            elif request.method == "BYE" and response.status >= 200:
                self.state = DialogState.TERMINATED

    def _is_end(self, request: Request, status: int) -> bool:
        if request.method == "BYE":
            return status not in CHALLENGES
        if self.state is DialogState.EARLY and request.method == "INVITE":
            return True
        return status in ENDING_STATUSES

    def _follow(self, request: Request, response: Response) -> None:
        """Where a 2xx, or while we are early a provisional response, says that the peer is."""
        makes_dialog = self.state is DialogState.EARLY and self.is_uac and request.method == "INVITE"
        if response.status < 200 and not makes_dialog:
            return
        self.remote_target = first_contact(response) or self.remote_target
        # The 2xx decides the route set for good; an earlier provisional one may have lacked it (§13.2.2.4).
        if makes_dialog and (response.status >= 200 or response.record_routes):
            self.route_set = _reversed_routes(response)
        if makes_dialog and response.status >= 200:
            self.confirm()

    # --- their requests ---------------------------------------------------------------------------------------

    def receive_request(self, request: Request, flow: Flow | None = None) -> None:
        """Check and take in a request of the peer (RFC 3261 §12.2.2); `flow` when it may have moved.

        Raises `RemoteProtocolError`, and changes nothing: status 500 when it is older than one that came before, 400
        when its Contact cannot be read.
        """
        number, target = self._check_order(request), self.remote_target
        if request.method in TARGET_REFRESH_METHODS:
            target = first_contact(request) or target
        # All that can be wrong with the request has been found by now.
        self.remote_cseq, self.remote_target = number, target
        if request.method == "BYE":
            self.state = DialogState.TERMINATED
        if flow is not None:
            self.flow = flow

    def _check_order(self, request: Request) -> int | None:
        """The highest CSeq number of the peer so far; an ACK or CANCEL repeats that of its INVITE."""
        number, highest = request.cseq.number, self.remote_cseq
        if request.method in ("ACK", "CANCEL"):
            return highest
        if highest is not None and number < highest:
            raise RemoteProtocolError("CSeq is lower than before", status=500, warning="CSeq out of order")
        return number

    # --- its state --------------------------------------------------------------------------------------------

    def confirm(self) -> None:
        """A 2xx was sent or received."""
        if self.state is DialogState.EARLY:
            self.state = DialogState.CONFIRMED

    def terminate(self) -> None:
        self.state = DialogState.TERMINATED

    # --- surviving a restart ----------------------------------------------------------------------------------

    def dump(self) -> dict[str, Any]:
        """All of it as JSON values: its part of the call's state."""
        return {
            "call_id": self.id.call_id,
            "local_tag": self.id.local_tag,
            "remote_tag": self.id.remote_tag,
            "state": str(self.state),
            "is_uac": self.is_uac,
            "local": self.local,
            "remote": self.remote,
            "remote_target": str(self.remote_target),
            "route_set": [str(route) for route in self.route_set],
            "local_cseq": self.local_cseq,
            "remote_cseq": self.remote_cseq,
            "secure": self.secure,
            "flow": blob.dump_flow(self.flow),
        }

    @classmethod
    def load(cls, values: Mapping[str, Any], *, cseq_jump: int = 0, flow: Flow | None = None) -> Dialog:
        """The dialog as it was dumped.

        After a restart some of our last requests may not be in the dump: `cseq_jump` skips their numbers. `flow`
        replaces the dumped one, whose connection may be gone.

        Raises `LocalProtocolError` when `values` were not made by `dump`.
        """
        with blob.reading("dialog"):
            remote_cseq = values["remote_cseq"]
            return cls(
                id=DialogId(*(blob.text(values, name) for name in ("call_id", "local_tag", "remote_tag"))),
                state=DialogState(values["state"]),
                is_uac=blob.flag(values, "is_uac"),
                local=str(NameAddress.parse(blob.text(values, "local"))),
                remote=str(NameAddress.parse(blob.text(values, "remote"))),
                remote_target=Uri.parse(blob.text(values, "remote_target")),
                route_set=tuple(NameAddress.parse(route) for route in values["route_set"]),
                local_cseq=min(blob.number(values, "local_cseq") + cseq_jump, MAX_CSEQ),
                remote_cseq=None if remote_cseq is None else blob.number(values, "remote_cseq"),
                secure=blob.flag(values, "secure"),
                flow=flow if flow is not None else blob.load_flow(values["flow"]),
            )

    def _compose(self, method: str, cseq: int) -> Request:
        uri, routes = address_request(self.remote_target, self.route_set)
        request = Request(method, uri)
        headers = request.headers
        for route in routes:
            headers.add("Route", route)
        headers.add("From", self.local)
        headers.add("To", self.remote)
        headers.add("Call-ID", self.id.call_id)
        headers.add("CSeq", f"{cseq} {method}")
        return request


def _state_after(response: Response) -> DialogState:
    if not 100 < response.status < 300:
        raise LocalProtocolError(f"a {response.status} response makes no dialog")
    return DialogState.EARLY if response.status < 200 else DialogState.CONFIRMED


def _is_secure(request: Request, flow: Flow) -> bool:
    return request.uri.is_sips and flow.transport.is_secure


def _reversed_routes(response: Response) -> tuple[NameAddress, ...]:
    return response.record_routes[::-1]
