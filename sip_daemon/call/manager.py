"""The call manager: the transaction user behind the endpoint for everything but registration.

It finds the leg that a request belongs to, or checks a new one, learns who asks, and starts the call's story. The rule:
a handler is synchronous and answers before it returns; all that takes time is a story, and all stories are tasks of
one group that `run` awaits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final
from uuid import uuid4

from sip_daemon.authentication import Authenticated, Authenticator, Challenge, Verdict
from sip_daemon.call import cause as causes
from sip_daemon.call.admission import (
    Refusal,
    check_address,
    check_extensions,
    check_hops,
    check_invite,
    check_method,
    check_scheme,
)
from sip_daemon.call.adopted_leg import AdoptedLeg
from sip_daemon.call.adoption import (
    AdoptedCall,
    AdoptionReport,
    SurvivingCall,
    dismiss,
    rebuild,
    sort_out,
    take_sessions,
)
from sip_daemon.call.call import Call
from sip_daemon.call.caller_leg import CallerLeg
from sip_daemon.call.capabilities import capability_headers
from sip_daemon.call.cause import Cause
from sip_daemon.call.dialog_leg import DialogLeg, LegContext, Party
from sip_daemon.call.journal import Journal
from sip_daemon.call.record import CallChange, CallTrouble
from sip_daemon.call.routing import CallAttempt, RoutePlan, plan
from sip_daemon.call.story import CallContext, Story
from sip_daemon.dialog import Dialog, DialogId, DialogTable
from sip_daemon.directory import Device, Directory
from sip_daemon.endpoint import Endpoint
from sip_daemon.errors import LocalProtocolError, RemoteProtocolError
from sip_daemon.flow import Flow, source_of
from sip_daemon.media_plane import AdoptableSession, MediaPlane
from sip_daemon.message import Request, Response
from sip_daemon.registrar import Binding
from sip_daemon.transaction import (
    AckReceived,
    CancelReceived,
    RequestReceived,
    ServerTransaction,
    StrayResponse,
    TimerValues,
)

log = logging.getLogger(__name__)

AT_ONCE: Final = 16
"""Calls that are taken up between two looks at what else there is to do."""
WORKERS_COME_WITHIN: Final = 10.0
"""Seconds from the start in which a media worker that has not been found may still bring calls with it."""
STRAYS_COME_WITHIN: Final = 90.0
"""Seconds from the start in which a phone may answer an INVITE of the process before us: it rang until now."""


class CallManager:
    """All calls. The `handle_` methods are the endpoint's handlers; `run` has to be running for calls to begin.

    Calls of an earlier process are taken up by `adopt`, before and after the sockets listen; they speak from
    `begin_sending` on.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        media: MediaPlane,
        *,
        directory: Callable[[], Directory],
        locate: Callable[[str], Sequence[Binding]],
        authenticator: Authenticator,
        submit: Callable[[CallChange | CallTrouble], None],
        wall_clock: Callable[[], float],
        timers: TimerValues | None = None,
    ) -> None:
        self.revision = 0
        """Grows whenever `calls` has changed."""
        self.judged: Callable[[Verdict, Flow], None] = lambda verdict, flow: None  # noqa: ARG005
        """Hears what became of each caller's credentials: the defence."""
        self._endpoint = endpoint
        self._directory = directory
        self._locate = locate
        self._authenticator = authenticator
        self._wall_clock = wall_clock
        self._calls: dict[str, Call] = {}
        self._dialogs = DialogTable()
        self._legs: dict[DialogId, DialogLeg] = {}
        self._branches: set[str | None] = set()
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._can_send = asyncio.Event()
        self._began = endpoint.now()
        self._dismissed: set[DialogId] = set()
        self._media = media
        self._submit = submit
        self._context = CallContext(
            legs=LegContext(
                endpoint=endpoint,
                timers=timers or TimerValues(),
                register=self._register,
                unregister=self._unregister,
                find_flow=self._find_flow,
                branches=self._branches,
            ),
            media=media,
            locate=locate,
            submit=self._note,
            wall_clock=wall_clock,
            process=uuid4().hex,
        )

    async def run(self) -> None:
        """Let calls begin; returns when `stop` was called and the last of them has ended."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            await self._stopping.wait()
        self._group = None

    def stop(self) -> None:
        """Take no more calls and end those there are."""
        self._stopping.set()
        for call in self.calls:
            call.hang_up(causes.STOPPED, "system")

    async def hand_over(self) -> None:
        """Take no more calls and end those that nobody has answered; returns when they have ended.

        The established ones are served on until `leave`.
        """
        self._stopping.set()
        for call in self.calls:
            if call.is_established:
                call.is_leaving = True
            else:
                call.hang_up(causes.STOPPED, "system")
        ending = [self._tasks[call.id] for call in self.calls if not call.is_leaving]
        if ending:
            await asyncio.wait(ending)

    async def leave(self) -> None:
        """Let go of the calls that go on without us, with all that the next process has to know."""
        leaving = [call for call in self.calls if call.is_leaving]
        await asyncio.gather(*(call.keep() for call in leaving))
        for task in self._tasks.values():
            task.cancel()

    # Calls of an earlier process

    async def adopt(self, sessions: Sequence[AdoptableSession]) -> AdoptionReport:
        """Take up the established calls among what was left in a media worker, and close the rest."""
        surviving, leftovers = sort_out(sessions, self._context.process)
        outcomes: list[bool] = []
        for start in range(0, len(surviving), AT_ONCE):
            calls = [(one, self._rebuild(one)) for one in surviving[start : start + AT_ONCE]]
            leftovers += [session for one, call in calls if call is None for session in one.sessions if session]
            outcomes += await asyncio.gather(*(self._adopt(call, one) for one, call in calls if call is not None))
        await self._media.discard(leftovers)
        return AdoptionReport(sum(outcomes), len(outcomes) - sum(outcomes), len(leftovers))

    def _rebuild(self, surviving: SurvivingCall) -> AdoptedCall | None:
        """From here on the phones' requests find their dialogs; what they say waits until the call listens."""
        try:
            call = rebuild(self._context, surviving, self._wall_clock())
        except LocalProtocolError as error:
            log.error("call %s cannot go on: %s", surviving.state.record.id, error)
            return None
        self._calls[call.id] = call
        return call

    async def _adopt(self, call: AdoptedCall, surviving: SurvivingCall) -> bool:
        is_whole = await take_sessions(self._context, call, surviving)
        self._begin(self._resume(call), call)
        return is_whole

    async def _resume(self, call: AdoptedCall) -> None:
        try:
            await self._can_send.wait()
            await call.run()
        finally:
            self._forget(call)

    def begin_sending(self) -> None:
        """The sockets listen: calls that were taken up go on."""
        self._can_send.set()

    @property
    def calls(self) -> tuple[Call, ...]:
        """In the order in which they began."""
        return tuple(self._calls.values())

    @property
    def dialog_count(self) -> int:
        return len(self._dialogs)

    def hang_up(self, call_id: str, cause: Cause = causes.HUNG_UP_BY_ADMIN, by: str = "admin") -> bool:
        """End a call from outside; False when there is none of that id."""
        call = self._calls.get(call_id)
        if call is not None:
            call.hang_up(cause, by)
        return call is not None

    def explain(self, caller: str, dialled: str) -> RoutePlan | None:
        """What would happen if that device or extension dialled that; None when nobody is called so."""
        directory = self._directory()
        device = directory.device(caller)
        extension = directory.extension(caller)
        if device is None and extension is not None:
            device = next(filter(None, map(directory.device, extension.devices)), None)
        return plan(directory, CallAttempt(device, dialled)) if device is not None else None

    # What the endpoint hands over

    def handle_request(self, event: RequestReceived) -> None:
        """Anything but REGISTER, ACK and CANCEL. Raises `RemoteProtocolError` with the status to answer."""
        try:
            if event.request.to.tag is not None:
                self._receive_within(event)
            else:
                self._admit(event)
        except Refusal as refusal:
            self._refuse(event, refusal.status, refusal.headers)

    def handle_ack(self, event: AckReceived) -> None:
        """The ACK of a 2xx; one that belongs nowhere is dropped, for an ACK has no answer."""
        leg = self._find_leg(event.request)
        if leg is not None:
            leg.receive_ack(event.request)

    def handle_cancel(self, event: CancelReceived) -> None:
        """The CANCEL itself was answered."""
        leg = self._find_caller(event.transaction) or self._find_leg(event.transaction.request)
        if leg is not None:
            leg.receive_cancel(event.transaction, event.request)

    def _find_caller(self, invite: ServerTransaction) -> DialogLeg | None:
        """Looked for among all calls: that is seldom asked, and a table would have to know each for its whole life."""
        callers = (call.story.caller for call in self._calls.values())
        return next((one for one in callers if isinstance(one, CallerLeg) and one.is_asked_by(invite)), None)

    def handle_flow_closed(self, flow: Flow) -> None:
        """A connection ended; the legs that used it look for another one when they need it."""
        if not flow.connection:
            return  # nobody's own: UDP has no connection to lose
        for call in self.calls:
            for leg in call.story.legs:
                # The number first: many connections may close at once, and comparing addresses takes its time.
                if leg.flow.connection == flow.connection and leg.flow == flow:
                    leg.lose_flow()

    def handle_stray(self, event: StrayResponse) -> None:
        """A 2xx to an INVITE of the process before us: without ACK the phone would give up, and end its call."""
        response = event.response
        if response.cseq.method != "INVITE" or not 200 <= response.status < 300:
            return
        identity = DialogId.of_answer(response)
        leg = self._legs.get(identity)
        if isinstance(leg, AdoptedLeg):
            leg.receive_stray_answer(response, event.flow)
        elif leg is None and self._is_young(STRAYS_COME_WITHIN) and self._is_a_phone_of(response, event.flow):
            dismiss(self._endpoint, response, event.flow, is_new=identity not in self._dismissed)
            self._dismissed.add(identity)

    def _is_a_phone_of(self, response: Response, flow: Flow) -> bool:
        """Whether a called phone of ours is there: nobody else has us send two requests for one response."""
        extension = self._directory().extension(response.to.uri.user or "")
        devices = extension.devices if extension is not None else ()
        return any(binding.flow == flow for name in devices for binding in self._locate(name))

    def _is_young(self, seconds: float) -> bool:
        return self._endpoint.now() < self._began + seconds

    def _receive_within(self, event: RequestReceived) -> None:
        """A request within a dialog."""
        leg = self._find_leg(event.request)
        if leg is not None:
            leg.receive_request(event.transaction, event.request, event.flow)
        elif self._media.is_complete or not self._is_young(WORKERS_COME_WITHIN):
            raise RemoteProtocolError("no such dialog", status=481)
        elif event.flow.transport.is_reliable:
            raise Refusal("not all calls are known yet", status=503, headers=[("Retry-After", "2")])
        else:
            # 481 would end a call that is perhaps about to be taken up. The phone repeats its request.
            self._endpoint.postpone(event.transaction)

    def _find_leg(self, request: Request) -> DialogLeg | None:
        dialog = self._dialogs.find(request)
        return self._legs.get(dialog.id) if dialog is not None else None

    # A request outside any dialog

    def _admit(self, event: RequestReceived) -> None:
        request = event.request
        check_method(request)
        check_scheme(request)
        check_hops(request, self._branches)
        if self._endpoint.find_merged(event.transaction) is not None:
            raise RemoteProtocolError("the same request came by another way", status=482)
        check_extensions(request)
        match request.method:
            case "INVITE":
                self._receive_invite(event)
            case "OPTIONS":
                self._answer_options(event)
            case _:
                raise RemoteProtocolError("no such dialog", status=481)

    def _answer_options(self, event: RequestReceived) -> None:
        response = Response.to_request(event.request, 200)
        for name, value in capability_headers():
            response.headers.add(name, value)
        self._endpoint.respond(event.transaction, response)

    def _receive_invite(self, event: RequestReceived) -> None:
        directory = self._directory()
        check_address(event.request, directory.domains)
        check_invite(event.request)
        group = self._group
        if group is None or self._stopping.is_set():
            raise Refusal("not running", status=503, headers=[("Retry-After", "5")])
        device = self._identify(event, directory)
        if device is not None:
            call = self._make_call(event, device, directory)
            self._begin(self._live(call), call)

    def _identify(self, event: RequestReceived, directory: Directory) -> Device | None:
        """Who calls. None when the phone was asked for its credentials instead."""
        source = source_of(event.flow.remote.host)
        verdict = self._authenticator.verify(event.request, directory, self._endpoint.now(), source)
        self.judged(verdict, event.flow)
        if isinstance(verdict, Authenticated):
            return verdict.device
        if isinstance(verdict, Challenge):
            challenges = self._authenticator.challenge(
                directory.realm, self._endpoint.now(), verdict.stale, event.request.user_agent, source
            )
            self._refuse(event, 401, [("WWW-Authenticate", str(challenge)) for challenge in challenges])
        else:
            self._refuse(event, 403)
        return None

    def _refuse(self, event: RequestReceived, status: int, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Nothing is kept of it: whoever sent it has proven nothing (RFC 3261 §8.2.7)."""
        response = Response.to_request(event.request, status)
        for name, value in headers:
            response.headers.add(name, value)
        self._endpoint.refuse(event.transaction, response)

    def _make_call(self, event: RequestReceived, device: Device, directory: Directory) -> Call:
        dialled = event.request.uri.user or ""
        extension = directory.extensions.get(device.extension)
        party = Party(device.username, device.extension, device.extension, extension.name if extension else "")
        journal = Journal(
            str(uuid4()),
            party,
            dialled,
            started_at=self._wall_clock(),
            now=self._endpoint.now,
            submit=self._note,
        )
        story = Story(self._context, journal)
        caller = CallerLeg(self._context.legs, party, event.transaction, event.flow, story.post)
        caller.trying()
        story.caller = caller
        call = Call(story, plan(directory, CallAttempt(device, dialled)))
        self._calls[call.id] = call
        return call

    def _begin(self, life: Coroutine[Any, Any, None], call: Call) -> None:
        assert self._group is not None, "`run` runs"
        self._tasks[call.id] = self._group.create_task(life, name=f"call {call.id}")

    async def _live(self, call: Call) -> None:
        try:
            await call.run()
        finally:
            self._forget(call)

    def _forget(self, call: Call) -> None:
        del self._calls[call.id], self._tasks[call.id]
        self.revision += 1

    # What the legs ask for

    def _note(self, change: CallChange | CallTrouble) -> None:
        self.revision += 1
        self._submit(change)

    def _register(self, dialog: Dialog, leg: DialogLeg) -> None:
        known = self._dialogs.get(dialog.id)
        if known is not None:
            self._dialogs.remove(known)  # the early dialog of the same two tags
        self._dialogs.add(dialog)
        self._legs[dialog.id] = leg

    def _unregister(self, dialog: Dialog) -> None:
        self._dialogs.remove(dialog)
        self._legs.pop(dialog.id, None)

    def _find_flow(self, leg: DialogLeg) -> Flow | None:
        """The phone may have registered again on a new connection: same instance, else same contact."""
        bindings = [binding for binding in self._locate(leg.party.device) if binding.flow != leg.flow]
        for binding in bindings:
            if leg.instance and binding.instance == leg.instance:
                return binding.flow
        return next((binding.flow for binding in bindings if binding.contact == leg.contact), None)
