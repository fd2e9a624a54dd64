"""What keeps one leg's dialog fresh: the session timer (RFC 4028), and where each side is now (RFC 3261 §12.2).

Each leg has a timer of its own: what the other phone agreed to is its own matter. A refresh of ours is an UPDATE
without a body where the phone allows that, else a re-INVITE that says again what holds, with the same version in o=.
"""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from sip_daemon.call import cause as causes
from sip_daemon.call.capabilities import ACCEPT, ALLOW, SUPPORTED
from sip_daemon.call.dialog_leg import GONE, DialogLeg, LegContext, LegState, Party
from sip_daemon.call.events import Ended
from sip_daemon.call.invite_server import HeaderFields
from sip_daemon.call.session_keeper import ADOPTED_WITHIN, SessionKeeper
from sip_daemon.dialog import Dialog
from sip_daemon.dialog import session_expires as rules
from sip_daemon.dialog.session_expires import SESSION_EXPIRES, Refresher, SessionExpires
from sip_daemon.endpoint import ClientEvent
from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response
from sip_daemon.transaction import ResponseReceived

REFRESH_AGAIN: Final = 10.0
"""Seconds until a refresh that failed is tried again: there is time until the session expires."""

INITIAL_SESSION: Final = str(SessionExpires(SESSION_EXPIRES, Refresher.UAC))
"""What our INVITEs ask for."""


class RefreshingLeg(DialogLeg):
    """The part of a leg that the session timer concerns."""

    __slots__ = (
        "_allow",
        "_keeper",
    )

    def __init__(self, context: LegContext, party: Party, flow: Flow) -> None:
        super().__init__(context, party, flow)
        self._allow = ""
        """The phone's Allow header."""
        self._keeper: SessionKeeper | None = None
        """None as long as nobody wanted a session timer."""

    @property
    def allow(self) -> str:
        """The phone's Allow header."""
        return self._allow

    def allows(self, method: str) -> bool:
        """Whether the phone says that it does such a thing (RFC 3261 §20.5)."""
        return method in [one.strip() for one in self._allow.split(",")]

    def _make_refresh(self, dialog: Dialog, method: str, body: bytes = b"") -> Request:
        """A request within the dialog that tells the phone where we are (§12.2.1), and how long the session lasts."""
        request = dialog.request(method)
        headers = request.headers
        headers.set("Contact", str(self._endpoint.contact(self.flow)))
        headers.set("Allow", ", ".join(ALLOW))
        headers.set("Supported", ", ".join(sorted(SUPPORTED)))
        for name, value in self._keeper.headers() if self._keeper is not None else ():
            headers.set(name, value)
        if body:
            headers.set("Content-Type", ACCEPT)
            request.body = body
        return request

    # What is agreed

    def _session_answer(self, request: Request) -> HeaderFields:
        """What our 2xx to an INVITE or UPDATE says of the session timer, which runs from now on by it."""
        keeper = self._keeper
        if request.method == "PRACK":
            return ()
        if "Session-Expires" not in request.headers and not rules.knows_timer(request):
            if keeper is not None and not keeper.timer.is_ours:
                keeper.agree(None, Refresher.UAS)
            return ()
        if keeper is None:
            keeper = self._make_keeper()
        timer = keeper.timer
        interval = timer.interval if timer.is_running else SESSION_EXPIRES
        agreed = rules.answer(request, interval=interval, we_refresh=timer.is_ours or not timer.is_running)
        keeper.agree(agreed, Refresher.UAS)
        return rules.answer_headers(request, agreed)

    def _session_accepted(self, response: Response) -> None:
        """A 2xx to an INVITE or UPDATE of ours; a phone may bring a timer of its own accord."""
        keeper = self._keeper
        if keeper is None:
            if "Session-Expires" not in response.headers:
                return
            keeper = self._make_keeper()
        keeper.agree(rules.read_answer(response), Refresher.UAC)

    def _make_keeper(self) -> SessionKeeper:
        self._keeper = SessionKeeper(self._endpoint, self._refresh, self._expired)
        return self._keeper

    def _expired(self) -> None:
        self.tell(Ended(causes.EXPIRED))

    def _stop_keeping(self) -> None:
        """The session ends; the keeper, which has us, is let go with it."""
        if self._keeper is not None:
            self._keeper.stop()
            self._keeper = None

    # Our refreshes

    def _refresh(self) -> None:
        keeper, dialog = self._keeper, self.dialog
        if keeper is None or dialog is None or self.state is not LegState.TALKING:
            return
        flow = self._way()
        if flow is None:
            keeper.refuse(REFRESH_AGAIN)  # the phone may come back in time
        elif self.allows("UPDATE"):
            request = self._make_refresh(dialog, "UPDATE")
            self._endpoint.send_request_to(request, lambda event: self._refreshed(event, request), flow)
        elif not self._refresh_by_invite():
            keeper.refuse(REFRESH_AGAIN)

    @abstractmethod
    def _refresh_by_invite(self) -> bool:
        """Send a re-INVITE that changes nothing; False when another one is under way."""

    def _refreshed(self, event: ClientEvent, request: Request) -> None:
        if self.is_over:
            return
        if not isinstance(event, ResponseReceived):
            self._refresh_refused(408, None)
        elif event.response.status >= 300:
            self._refresh_refused(event.response.status, event.response)
        elif event.response.status >= 200 and self.dialog is not None:
            try:
                self.dialog.receive_response(request, event.response)
            except RemoteProtocolError:
                pass  # a Contact that cannot be read moves nobody; the session is refreshed all the same
            self._session_accepted(event.response)

    def _refresh_refused(self, status: int, response: Response | None) -> None:
        """RFC 4028 §10: 408 and 481 end the dialog, and so does time if no later refresh succeeds."""
        keeper = self._keeper
        if keeper is None:
            return
        if response is None or status in GONE:
            self.tell(Ended(causes.VANISHED))
        elif status == 422 and self._raise_interval(keeper, response):
            keeper.refuse(0)  # §7.3: at once, with what it wants
        elif status in (405, 501) and self.allows("UPDATE"):
            self._allow = ""  # it does not what it says: by re-INVITE then
            keeper.refuse(0)
        else:
            pause = self._pause_after(status, retry_after_of(response))
            keeper.refuse(REFRESH_AGAIN if pause is None else pause)

    def _raise_interval(self, keeper: SessionKeeper, response: Response) -> bool:
        try:
            wanted = rules.min_se_of(response)
        except RemoteProtocolError:
            return False
        if wanted <= max(keeper.min_se, keeper.timer.interval):
            return False
        keeper.min_se = wanted
        return True

    def _pause_after(self, status: int, retry_after: int | None) -> float | None:
        """Seconds until we try again (RFC 3261 §14.1); None when it is of no use."""
        if status == 491:
            owns_call_id = self.dialog is not None and self.dialog.is_uac
            ticks = random.randint(210, 400) if owns_call_id else random.randint(0, 200)  # noqa: S311
            return ticks / 100
        return retry_after if status == 500 else None

    # What outlives us

    def dump_session_timer(self) -> dict[str, Any]:
        """What a later process needs to keep the session alive; empty without a timer."""
        values = self._keeper.timer.dump() if self._keeper is not None else {}
        return {**values, "by_update": self.allows("UPDATE")} if values else values

    def load_session_timer(self, values: Mapping[str, Any]) -> None:
        """Go on with it. Raises `LocalProtocolError` for what `dump_session_timer` did not give."""
        if values:
            self._allow = "UPDATE" if values.get("by_update") is True else self._allow
            self._make_keeper().load(values, random.uniform(0, ADOPTED_WITHIN))  # noqa: S311


def retry_after_of(response: Response) -> int | None:
    """Seconds in Retry-After (RFC 3261 §20.33), without its comment and parameters; None where there are none."""
    value = (response.headers.get("Retry-After") or "").split("(")[0].split(";")[0].strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else None
