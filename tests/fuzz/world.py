"""The whole signalling of GoSIP in memory, and a peer that misbehaves at every step of a conversation.

Endpoint, transactions, registrar and call manager are the real ones; sockets and media workers are lists, time is
virtual. A conversation mixes damaged strangers' messages with calls that go on for a while: members' requests with
good credentials and a damaged rest, damaged answers to what GoSIP sends, requests inside its dialogs, connections that
break, time that passes.

What must hold: no exception anywhere, not even one that was caught and logged; a stranger on UDP gets at most three
times what was sent in his name; when everything is over, nothing is left.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from sip_daemon.authentication import Authenticator
from sip_daemon.call.manager import CallManager
from sip_daemon.daemon.dispatch import Dispatcher
from sip_daemon.defence import Defence, Neighbours, Overload
from sip_daemon.endpoint import Endpoint
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol, source_of
from sip_daemon.message import MalformedMessage, Request, Response, StreamFramer, parse_message
from sip_daemon.registrar import LocationTable, Registrar
from sip_daemon.transport import Barred
from tests.fuzz import corpus
from tests.fuzz.mutations import Mutator
from tests.support.digest import authorize, directory
from tests.support.media import MemoryMediaPlane
from tests.support.messages import SDP, SERVER, ack_for, invite, register, request
from tests.support.transport import SocketlessTransport
from tests.support.virtual_time import VirtualLoop

STEPS = 150
"""Of one conversation."""
OUR_PORT = TransportAddress(SERVER, 5060)
AMPLIFICATION = 3
REFUSALS = (b"SIP/2.0 400 ", b"SIP/2.0 413 ", b"SIP/2.0 414 ", b"SIP/2.0 505 ")
FADE_SECONDS = 400.0
"""Longer than any timer of a transaction or a call that ends."""
MEMBERS = ("1001", "1002", "1003")
NONCES = Authenticator(b"0" * 32)


class Broken(AssertionError):
    """The invariant does not hold."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done, for the report of a failure."""

    what: str
    flow: str
    data: bytes


class ErrorCatcher(logging.Handler):
    """Whatever the program logs as an error: a bug that was caught is a bug."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.errors.append(f"{record.getMessage()}: {error!r}")


@dataclass
class World:
    """One conversation. `run` raises `Broken`; `steps` then says what led to it."""

    random: Random
    seeds: Sequence[bytes]
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.transport = SocketlessTransport()
        self.endpoint = Endpoint(self.transport.as_layer(), clock=loop.time)
        self.media = MemoryMediaPlane(capacity=60)
        self.locations = LocationTable()
        people = directory(*MEMBERS)
        self.realm = people.realm
        self.manager = CallManager(
            self.endpoint,
            self.media,
            directory=lambda: people,
            locate=lambda username: self.locations.reachable(username, self.endpoint.now()),
            authenticator=NONCES,
            submit=lambda change: None,
            wall_clock=time.time,
        )
        registrar = Registrar(lambda: people, self.locations, NONCES)
        overload = Overload(
            Neighbours(self.locations.all), clock=loop.time, soon=loop.call_soon, report=lambda news: None
        )
        Dispatcher(
            self.endpoint, registrar, self.locations, self.manager, lambda change: None, self.make_defence(), overload
        ).attach()
        self.mutator = Mutator(self.random, self.seeds)
        self.asked: list[tuple[Request, Flow]] = []
        """Requests that GoSIP sent and nobody has answered for good."""
        self.answers: list[tuple[Request, Response, Flow]] = []
        """Successes of GoSIP: the dialogs that a caller may go on in."""
        self.invites: list[tuple[Request, Flow]] = []
        self.catcher = ErrorCatcher()

    def make_defence(self) -> Defence:
        """The real one. Whom it bars is let in all the same, for a peer that is kept out finds nothing; whom it slows
        down gets no answers."""
        return Defence(
            Neighbours(self.locations.all),
            Barred(),
            clock=self.endpoint.now,
            wall_clock=time.time,
            changed=lambda change: None,
            report=lambda news: None,
            drop=lambda source: None,
            is_registered=lambda username, source, now: any(
                source_of(one.flow.remote.host) == source for one in self.locations.bindings(username, now)
            ),
        )

    async def run(self, steps: int = STEPS) -> None:
        loggers = [logging.getLogger(name) for name in ("sip_daemon", "asyncio")]
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self.catcher.errors.append(str(context)))
        for logger in loggers:
            logger.addHandler(self.catcher)
        running = asyncio.create_task(self.manager.run())
        try:
            await asyncio.sleep(0)
            for _ in range(steps):
                await self.step()
            await self.end(running)
        finally:
            running.cancel()
            for logger in loggers:
                logger.removeHandler(self.catcher)

    async def step(self) -> None:
        act = self.random.choices(
            (self.stranger, self.member_registers, self.member_calls, self.member_asks, self.answer, self.in_dialog,
             self.within_transaction, self.connection_breaks, self.time_passes),
            (30, 8, 12, 4, 25, 12, 5, 1, 3),
        )[0]  # fmt: skip
        await act()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.look()

    # what the peers do

    async def stranger(self) -> None:
        """Has no credentials: anything, from anywhere."""
        flow = self.flow(f"203.0.113.{self.random.randrange(1, 255)}")
        data = self.mutator.make()
        before = len(self.transport.sent)
        self.feed("stranger", data, flow)
        if flow.transport is TransportProtocol.UDP:
            answered = sum(
                len(reply) for reply, to in self.transport.sent[before:] if to.remote.host == flow.remote.host
            )
            if answered > AMPLIFICATION * len(data):
                raise Broken(f"{answered} bytes of answers to {len(data)} bytes of a stranger")

    async def member_registers(self) -> None:
        name = self.random.choice(MEMBERS)
        made = register(name, headers={"Contact": f"<sip:{name}@192.0.2.10:5060>;expires=600"})
        self.send_signed("registers", made, name)

    async def member_calls(self) -> None:
        name = self.random.choice(MEMBERS)
        callee = self.random.choice((*MEMBERS, *MEMBERS, "9999", "*43", "*44", "bob%40x", ""))
        self.send_signed("calls", invite(callee or "x", name, body=self.body()), name, keep=True)

    async def member_asks(self) -> None:
        name = self.random.choice(MEMBERS)
        method = self.random.choice(("OPTIONS", "MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER", "BYE", "UPDATE", "X"))
        self.send_signed("asks", request(method, f"sip:1001@{SERVER}"), name)

    async def answer(self) -> None:
        """To something that GoSIP asked: in order mostly, so that calls come about."""
        if not self.asked:
            return
        at = self.random.randrange(len(self.asked))
        sent, flow = self.asked[at]
        usual = (100, 180, 183, 200, 200, 200, 200) if sent.method == "INVITE" else (200, 200, 200, 481)
        status = self.random.choice(usual) if self.random.random() < 0.8 else self.random.randrange(100, 700)
        if status >= 200 and self.random.random() < 0.9:
            self.asked.pop(at)
        made = Response.to_request(sent, status)
        if status > 100:
            made.headers.add("Contact", f"<sip:callee@{flow.remote.host}:5060>")
        if sent.method == "INVITE" and status in (183, 200):
            made.headers.add("Content-Type", "application/sdp")
            made.body = self.body()
        self.feed("answers", self.damaged(bytes(made), 0.3), flow)

    async def in_dialog(self) -> None:
        """ACK first, then whatever a caller may ask in his call."""
        if not self.answers:
            return
        first, answer, flow = self.random.choice(self.answers)
        if self.random.random() < 0.4:
            self.feed("acknowledges", self.damaged(bytes(ack_for(first, answer)), 0.2), flow)
            return
        method = self.random.choice(
            ("BYE", "INVITE", "INVITE", "UPDATE", "INFO", "OPTIONS", "REFER", "NOTIFY", "PRACK")
        )
        target = answer.contact.uri if answer.contact is not None else first.uri
        fields = {"From": str(first.from_), "To": str(answer.to), "Call-ID": first.call_id}
        body = self.body() if method in ("INVITE", "UPDATE") else b""
        cseq = first.cseq.number + self.random.choice((0, 1, 2, 5, 1000))
        made = request(method, str(target), headers=fields, body=body, cseq=cseq)
        self.feed("asks in its call", self.damaged(bytes(made), 0.3), flow)

    async def within_transaction(self) -> None:
        """A repeated INVITE, a CANCEL or an ACK for a refusal of one that was sent before."""
        if not self.invites:
            return
        sent, flow = self.random.choice(self.invites)
        method = self.random.choice(("INVITE", "CANCEL", "ACK"))
        made = sent.copy()
        if method != "INVITE":
            made = request(
                method,
                str(sent.uri),
                headers={
                    "Via": str(sent.top_via),
                    "From": str(sent.from_),
                    "To": str(sent.to),
                    "Call-ID": sent.call_id,
                },
                cseq=sent.cseq.number,
            )
        self.feed("repeats or cancels", self.damaged(bytes(made), 0.2), flow)

    async def connection_breaks(self) -> None:
        flows = [flow for _, flow in (*self.asked, *self.invites) if flow.transport is not TransportProtocol.UDP]
        if flows:
            flow = self.random.choice(flows)
            self.steps.append(Step("breaks", str(flow), b""))
            self.transport.gone.add(flow)
            self.transport.receiver.flow_closed(flow)

    async def time_passes(self) -> None:
        seconds = self.random.choice((0.02, 0.5, 4.0, 33.0))
        self.steps.append(Step(f"waits {seconds} s", "", b""))
        await asyncio.sleep(seconds)
        self.locations.expire(self.endpoint.now())

    # how it is done

    def flow(self, host: str) -> Flow:
        if self.random.random() < 0.7:
            port = self.random.choice((5060, 5060, 1024, 40_000))
            return Flow(TransportProtocol.UDP, OUR_PORT, TransportAddress(host, port))
        return Flow(TransportProtocol.TCP, OUR_PORT, TransportAddress(host, 41_000), self.random.randrange(1, 50))

    def body(self) -> bytes:
        return self.damaged(SDP, 0.3) if self.random.random() < 0.9 else b""

    def damaged(self, data: bytes, share: float) -> bytes:
        if self.random.random() >= share:
            return data
        return Mutator(self.random, [data]).make()

    def send_signed(self, what: str, made: Request, name: str, *, keep: bool = False) -> None:
        """Damaged first and then signed, so that the credentials are good whatever else is not."""
        flow = self.flow(f"192.0.2.{self.random.randrange(10, 14)}")
        data = self.damaged(bytes(made), 0.6)
        try:
            parsed = parse_message(data)
        except MalformedMessage:
            parsed = None
        if isinstance(parsed, Request):
            challenge = NONCES.challenge(self.realm, self.endpoint.now(), source=source_of(flow.remote.host))[0]
            parsed = authorize(parsed, challenge, name)
            data = bytes(parsed)
            if keep:
                self.invites.append((parsed, flow))
        self.feed(what, data, flow)

    def feed(self, what: str, data: bytes, flow: Flow) -> None:
        self.steps.append(Step(what, str(flow), data))
        receiver = self.transport.receiver
        if flow.transport is TransportProtocol.UDP:
            receiver.message_received(data, flow)
            return
        framer = StreamFramer()
        try:
            for frame in framer.receive_data(data):
                if isinstance(frame, bytes):
                    receiver.message_received(frame, flow)
            if framer.error is not None:
                receiver.framing_failed(framer.error, flow)
        except MalformedMessage as error:
            receiver.framing_failed(error, flow)

    def look(self) -> None:
        """Takes what GoSIP sent; everything it writes must be readable."""
        if self.catcher.errors:
            raise Broken(self.catcher.errors[0])
        for data, flow in self.transport.take_sent():
            try:
                message = parse_message(data)
            except MalformedMessage as error:
                if data.startswith(REFUSALS):
                    continue  # It carries From, To, Call-ID and CSeq as they came, whatever is wrong with them.
                raise Broken(f"GoSIP sent what it would refuse itself: {error}: {data!r}") from error
            if isinstance(message, Request):
                if message.method != "ACK":
                    self.asked.append((message, flow))
            elif message.status // 100 == 2 and message.cseq.method == "INVITE":
                self.note_success(message, flow)

    def note_success(self, answer: Response, flow: Flow) -> None:
        sent = next((sent for sent, _ in self.invites if sent.call_id == answer.call_id), None)
        if sent is not None:
            self.answers.append((sent, answer, flow))

    async def end(self, running: asyncio.Task[None]) -> None:
        """Everybody goes home: what is left then would be left for ever."""
        self.manager.stop()
        self.locations.expire(self.endpoint.now() + 7200)  # phones that are known are asked whether they are there
        await asyncio.sleep(FADE_SECONDS)
        self.look()
        counts = self.endpoint.transaction_counts()
        left = {
            "transactions": counts.server + counts.client,
            "calls": len(self.manager.calls),
            "dialogs": self.manager.dialog_count,
            "media sessions": len(self.media.sessions),
            "bindings": len(self.locations),
        }
        if any(left.values()):
            raise Broken(f"left over: {left}")
        if not running.done():
            raise Broken("the call manager does not end")
        await running
        await self.endpoint.close(0)


def seeds() -> list[bytes]:
    return corpus.sip()


def converse(seed: str, steps: int = STEPS) -> tuple[int, str, list[Step]]:
    """One conversation: steps taken, what went wrong (empty: nothing), the steps that led to it."""
    made: list[World] = []

    async def run() -> None:
        world = World(Random(seed), seeds())
        made.append(world)
        await world.run(steps)

    what = ""
    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(run())
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
    done = made[0].steps if made else []
    return len(done), what, done if what else []
