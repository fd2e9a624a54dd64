"""Scripted telephones on a network in memory, for tests of what the daemon does between them.

A `Phone` has a real transaction layer and real dialogs, so it repeats, acknowledges and matches as a phone does; a test
says what the person in front of it does. `Network` carries datagrams in order and at once, unless `lose` says that one
is lost, and keeps all of them for a test to look at. `NetworkTransport` is the daemon's end.

    caller, callee = Phone(network, "anna"), Phone(network, "berta")
    call = caller.dial("200")
    ringing = await callee.incoming()
    ringing.ring()
    await call.response(180)
    ringing.answer()
    await call.established()
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sip_daemon.dialog import Dialog, DialogState, RAck, rseq_of
from sip_daemon.errors import TransportError
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import (
    DigestChallenge,
    NameAddress,
    Request,
    Response,
    Uri,
    new_branch,
    new_call_id,
    new_tag,
    parse_message,
)
from sip_daemon.sdp import SessionDescription
from sip_daemon.transaction import (
    AckReceived,
    CancelReceived,
    ClientTransaction,
    RequestReceived,
    ResponseReceived,
    ServerTransaction,
    StrayResponse,
    TimedOut,
    TimerValues,
    TransactionLayer,
    TransportFailed,
)
from sip_daemon.transaction.tables import State
from sip_daemon.transport import Target, TransportReceiver

PBX = TransportAddress("192.0.2.1", 5060)
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE"
"""Of a phone that does everything."""
PATIENCE = 300.0
"""Virtual seconds after which a phone that waits gives up and the test fails."""


def make_sdp(
    address: TransportAddress,
    codecs: str = "8 0 101",
    direction: str = "sendrecv",
    version: int = 1,
    profile: str = "RTP/AVP",
) -> bytes:
    """A phone's description: payload types of `codecs` are PCMA 8, PCMU 0, G722 9 and events 96 to 127."""
    names = {"0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000"}
    lines = [
        "v=0",
        f"o=phone 1 {version} IN IP4 {address.host}",
        "s=-",
        f"c=IN IP4 {address.host}",
        "t=0 0",
        f"m=audio {address.port} {profile} {codecs}",
        *(f"a=rtpmap:{number} {names.get(number, 'telephone-event/8000')}" for number in codecs.split()),
        f"a={direction}",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


@dataclass(frozen=True, slots=True)
class Datagram:
    """One message on the wire."""

    source: TransportAddress
    destination: TransportAddress
    data: bytes

    @property
    def first_line(self) -> str:
        return self.data.split(b"\r\n", 1)[0].decode()


class Network:
    """Delivers at once and in order, on the running loop."""

    def __init__(self) -> None:
        self.log: list[Datagram] = []
        """Everything that was sent, what got lost included."""
        self.lose: Callable[[Datagram], bool] = lambda datagram: False
        self._receivers: dict[TransportAddress, Callable[[bytes, TransportAddress], None]] = {}

    def attach(self, address: TransportAddress, receiver: Callable[[bytes, TransportAddress], None]) -> None:
        self._receivers[address] = receiver

    def detach(self, address: TransportAddress) -> None:
        """Whatever is sent there vanishes."""
        self._receivers.pop(address, None)

    def send(self, data: bytes, source: TransportAddress, destination: TransportAddress) -> None:
        datagram = Datagram(source, destination, data)
        self.log.append(datagram)
        if not self.lose(datagram):
            asyncio.get_running_loop().call_soon(self._deliver, datagram)

    def _deliver(self, datagram: Datagram) -> None:
        receiver = self._receivers.get(datagram.destination)
        if receiver is not None:
            receiver(datagram.data, datagram.source)

    def between(self, source: TransportAddress, destination: TransportAddress) -> list[str]:
        """The first lines of what one sent to the other."""
        return [one.first_line for one in self.log if (one.source, one.destination) == (source, destination)]


class NetworkTransport:
    """The part of a transport layer that an `Endpoint` uses, on a `Network`."""

    networks = ()

    def __init__(self, network: Network, address: TransportAddress = PBX) -> None:
        self.address = address
        self.broken: set[Flow] = set()
        """Flows on which nothing can be sent any more."""
        self.transports: dict[TransportAddress, TransportProtocol] = {}
        """Peers that are reached by another transport than UDP."""
        self.places: dict[str, tuple[Target, ...]] = {}
        """Targets by host name, as DNS would tell them."""
        self.first_connection = 1
        """Number of the connections of this process: those of another one are gone with it."""
        self.is_dead = False
        self._network = network
        self._receiver: TransportReceiver | None = None
        network.attach(address, self._receive)

    def attach(self, receiver: TransportReceiver) -> None:
        self._receiver = receiver

    def flow(self, remote: TransportAddress) -> Flow:
        """The flow to that peer."""
        transport = self.transports.get(remote, TransportProtocol.UDP)
        return Flow(transport, self.address, remote, 0 if transport is TransportProtocol.UDP else self.first_connection)

    def die(self) -> None:
        """The process is gone: nothing is received or sent any more."""
        self.is_dead = True
        self._network.detach(self.address)

    def break_flow(self, remote: TransportAddress) -> None:
        """The connection to that peer closes."""
        flow = self.flow(remote)
        self.broken.add(flow)
        assert self._receiver is not None
        self._receiver.flow_closed(flow)

    def send(self, data: bytes, flow: Flow) -> None:
        flow = self.usable(flow)
        if not self.is_dead:
            self._network.send(data, flow.local, flow.remote)

    def usable(self, flow: Flow) -> Flow:
        foreign = flow.transport.is_reliable and flow.connection != self.first_connection
        if foreign or flow in self.broken or flow.connection < 0:
            raise TransportError(f"{flow} is closed")
        return flow

    async def locate(self, uri: Uri) -> tuple[Target, ...]:
        await asyncio.sleep(0)
        if uri.host not in self.places:
            raise TransportError(f"{uri.host} has no address")
        return self.places[uri.host]

    def flow_to(self, remote: TransportAddress) -> Flow:
        return self.flow(remote)

    def listening_port(self, flow: Flow) -> int:
        return flow.local.port

    def stop_listening(self) -> None:
        """Nothing listens here."""

    async def close(self) -> None:
        self._network.detach(self.address)

    def _receive(self, data: bytes, source: TransportAddress) -> None:
        assert self._receiver is not None
        self._receiver.message_received(data, self.flow(source))


class PhoneCall:
    """One call as a phone sees it, whichever side dialled."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.dialog: Dialog | None = None
        self.responses: list[Response] = []
        """Those to the first INVITE, retransmissions included."""
        self.requests: list[Request] = []
        """Those inside the dialog, ACKs included."""
        self.invite: Request | None = None
        self.transaction: ServerTransaction | None = None
        self.is_cancelled = False
        self.cancel_request: Request | None = None
        self.last_answer: Response | None = None
        """To the last request that this side sent."""
        self.tag = new_tag()
        self.sdp_version = 1
        self.auto_answer = True
        """Whether BYE, OPTIONS and re-INVITEs are answered at once."""
        self.refuses = 0
        """The status with which every change of media is refused."""
        self.pending: ServerTransaction | None = None
        self.outgoing: ClientTransaction | None = None
        self.acknowledged: list[int] = []
        """RSeq numbers that were acknowledged by PRACK."""
        self._automatic: list[ClientTransaction] = []

    # what the person does

    def ring(self, status: int = 180, body: bytes = b"", *, rseq: int | None = None) -> None:
        """With `rseq` reliably (RFC 3262); it is repeated only when the test says so."""
        headers = [] if rseq is None else [("Require", "100rel"), ("RSeq", str(rseq)), ("Allow", ALLOW)]
        self._respond_invite(status, body, headers)

    def answer(self, body: bytes | None = None) -> None:
        self._respond_invite(200, self.phone.sdp() if body is None else body)

    def reject(self, status: int) -> None:
        self._respond_invite(status)

    def cancel(self, headers: Sequence[tuple[str, str]] = ()) -> None:
        assert self.outgoing is not None
        self.phone.cancel(self.outgoing, headers)

    def request(self, method: str, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()) -> Request:
        """Send something inside the dialog; `reply` waits for the answer."""
        assert self.dialog is not None, "there is no dialog yet"
        request = self.dialog.request(method)
        if method in ("INVITE", "UPDATE"):
            request.headers.set("Contact", str(self.phone.contact))
        for name, value in headers:
            request.headers.set(name, value)
        if body:
            request.headers.set("Content-Type", "application/sdp")
            request.body = body
        self.last_answer = None
        self.outgoing = self.phone.send(request, self)
        return request

    def hang_up(self) -> None:
        self.request("BYE")

    def hold(self) -> None:
        self.reinvite("sendonly")

    def reinvite(self, direction: str = "sendrecv", codecs: str = "8 0 101", method: str = "INVITE") -> None:
        self.sdp_version += 1
        self.request(method, make_sdp(self.phone.media, codecs, direction, self.sdp_version))

    def prack(self, rseq: int, body: bytes = b"", cseq: int | None = None) -> Request:
        """Acknowledge a provisional response; the phone does so by itself where `pracks` is set."""
        assert self.invite is not None
        number = self.invite.cseq.number if cseq is None else cseq
        return self.request("PRACK", body, [("RAck", str(RAck(rseq, number)))])

    # what the person waits for

    async def response(self, status: int) -> Response:
        """The response of that status to the first INVITE."""
        await self.phone.until(lambda: any(one.status == status for one in self.responses), f"a {status}")
        return next(one for one in self.responses if one.status == status)

    async def final(self) -> Response:
        await self.phone.until(lambda: any(one.status >= 200 for one in self.responses), "a final response")
        return next(one for one in self.responses if one.status >= 200)

    async def reply(self) -> Response:
        """The final answer to the last request inside the dialog."""
        await self.phone.until(lambda: self.last_answer is not None, "an answer")
        assert self.last_answer is not None
        return self.last_answer

    async def received(self, method: str, count: int = 1) -> Request:
        """The last of so many requests inside the dialog."""

        def found() -> list[Request]:
            return [one for one in self.requests if one.method == method]

        await self.phone.until(lambda: len(found()) >= count, f"{count} {method}")
        return found()[count - 1]

    async def cancelled(self) -> Request:
        await self.phone.until(lambda: self.is_cancelled, "a CANCEL")
        assert self.cancel_request is not None
        return self.cancel_request

    async def established(self) -> None:
        await self.phone.until(lambda: self.dialog is not None, "a dialog")

    @property
    def remote_sdp(self) -> SessionDescription:
        """What the other side said last."""
        bodies = [one.body for one in (*self.responses, *self.requests) if one.body]
        if self.last_answer is not None and self.last_answer.body:
            bodies.append(self.last_answer.body)
        if not bodies and self.invite is not None:
            bodies.append(self.invite.body)
        return SessionDescription.parse(bodies[-1])

    # what the phone does by itself

    def receive_response(self, response: Response, transaction: ClientTransaction, flow: Flow) -> None:
        request = transaction.request
        if request.method != "INVITE":
            if response.status >= 200 and transaction not in self._automatic:
                self.last_answer = response
            return
        if request.to.tag is None:
            self.responses.append(response)
            if 100 < response.status < 300:
                self.dialog = self._uac_dialog(request, response, flow)
                self._acknowledge_provisional(response)
        elif response.status >= 200:
            self.last_answer = response
            if self.dialog is not None and response.status < 300:
                self.dialog.receive_response(request, response)
        if 200 <= response.status < 300 and self.dialog is not None and self.phone.acknowledges:
            self.phone.acknowledge(self.dialog, request, self.phone.late_answer)

    def _acknowledge_provisional(self, response: Response) -> None:
        rseq = rseq_of(response)
        if rseq is None or not self.phone.pracks or rseq in self.acknowledged or self.dialog is None:
            return
        self.acknowledged.append(rseq)
        prack = self.dialog.request("PRACK")
        prack.headers.set("RAck", str(RAck(rseq, response.cseq.number)))
        self._automatic.append(self.phone.send(prack, self))

    def _uac_dialog(self, request: Request, response: Response, flow: Flow) -> Dialog:
        if self.dialog is None or not self.dialog.matches(response):
            return Dialog.as_uac(request, response, flow)  # the first one, or that of another branch
        self.dialog.receive_response(request, response)
        return self.dialog

    def receive_request(self, transaction: ServerTransaction, request: Request) -> None:
        self.requests.append(request)
        if self.dialog is not None:
            self.dialog.receive_request(request)
        if not self.auto_answer and request.method != "PRACK":
            self.pending = transaction
        elif request.method in ("INVITE", "UPDATE") and self.refuses:
            self.reply_to(transaction, self.refuses)
        elif request.method in ("INVITE", "UPDATE") and request.body:
            self.sdp_version += 1
            self.reply_to(transaction, 200, self._answer_to(request))
        else:
            self.reply_to(transaction, 200)

    def _answer_to(self, request: Request) -> bytes:
        opposite = {"sendonly": "recvonly", "recvonly": "sendonly"}
        offered = next(
            name for name in ("sendrecv", "sendonly", "recvonly", "inactive") if name in request.body.decode()
        )
        numbers = request.body.decode().split("m=audio ")[1].split("\r\n")[0].split()[2:]
        codecs = " ".join(number for number in numbers if number in self.phone.codecs.split())
        return make_sdp(self.phone.media, codecs, opposite.get(offered, offered), self.sdp_version)

    def reply_to(
        self,
        transaction: ServerTransaction,
        status: int,
        body: bytes = b"",
        headers: Sequence[tuple[str, str]] = (),
    ) -> Response:
        method = transaction.request.method
        response = Response.to_request(transaction.request, status)
        for name, value in headers:
            response.headers.set(name, value)
        if method in ("INVITE", "UPDATE"):
            response.headers.set("Contact", str(self.phone.contact))
            for name, value in self.phone.mid_call_headers if not headers else ():
                response.headers.set(name, value)
        if body:
            response.headers.set("Content-Type", "application/sdp")
            response.body = body
        self.phone.respond(transaction, response)
        if self.phone.is_patient and method == "INVITE" and status < 300:
            self._repeat(transaction, response, 0.5)
        return response

    def _repeat(self, transaction: ServerTransaction, response: Response, interval: float) -> None:
        """RFC 3261 §13.3.1.4: T1, doubling to T2, until the ACK comes or 64*T1 are over."""

        def again() -> None:
            number = response.cseq.number
            if not any(one.method == "ACK" and one.cseq.number == number for one in self.requests):
                self.phone.respond(transaction, response)
                self._repeat(transaction, response, min(2 * interval, 4.0))

        if transaction.state is not State.TERMINATED:
            asyncio.get_running_loop().call_later(interval, again)

    def _respond_invite(self, status: int, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()) -> None:
        assert self.transaction is not None
        assert self.invite is not None
        response = Response.to_request(self.invite, status, to_tag=self.tag)
        response.headers.set("Contact", str(self.phone.contact))
        for name, value in (*headers, *self.phone.headers):
            response.headers.set(name, value)
        if body:
            response.headers.set("Content-Type", "application/sdp")
            response.body = body
        is_reliable = "RSeq" in response.headers
        if self.dialog is not None and self.dialog.state is DialogState.EARLY and self.dialog.id.local_tag == self.tag:
            if status >= 200:
                self.dialog.confirm()
        elif 200 <= status < 300 or is_reliable:
            self.dialog = Dialog.as_uas(self.invite, response, self.phone.flow)
        self.phone.respond(self.transaction, response)


@dataclass(eq=False)
class Phone:
    """A user agent for one device. Its address is one of the test network's, made from its number in the test."""

    network: Network
    username: str
    address: TransportAddress
    password: str = "secret"
    codecs: str = "8 0 101"
    display_name: str = "Somebody Else"
    """What the phone claims in From: nobody should believe it."""
    pbx: TransportAddress = PBX
    acknowledges: bool = True
    pracks: bool = True
    """Whether it acknowledges reliable provisional responses."""
    headers: tuple[tuple[str, str], ...] = ()
    """Added to its answers to the first INVITE."""
    mid_call_headers: tuple[tuple[str, str], ...] = ()
    """Added to its answers to later ones and to UPDATE."""
    is_patient: bool = False
    """Whether it repeats its 200 to a re-INVITE until the ACK comes, as it should."""
    late_answer: bytes = b""
    """The body of its ACKs."""
    is_deaf: bool = False
    """Whether it lies on the table with an empty battery."""
    calls: list[PhoneCall] = field(default_factory=list)
    strays: list[Response] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.contact = NameAddress(
            "", Uri("sip", f"{self.username}-0x55aa", host=self.address.host, port=self.address.port)
        )
        self.media = TransportAddress(self.address.host, self.address.port + 1000)
        self.flow = Flow(TransportProtocol.UDP, self.address, self.pbx)
        self._layer = TransactionLayer(TimerValues())
        self._waiting: list[PhoneCall] = []
        self._owners: dict[ClientTransaction, PhoneCall] = {}
        self._news = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self.network.attach(self.address, self._receive)

    def sdp(self, direction: str = "sendrecv", codecs: str | None = None) -> bytes:
        return make_sdp(self.media, codecs or self.codecs, direction)

    # making and taking calls

    def dial(
        self,
        number: str,
        *,
        body: bytes | None = None,
        headers: Sequence[tuple[str, str]] = (),
        host: str | None = None,
        authenticate: bool = True,
    ) -> PhoneCall:
        """Send an INVITE; a challenge is answered."""
        call = PhoneCall(self)
        self.calls.append(call)
        request = self.make_request("INVITE", f"sip:{number}@{host or self.pbx.host}", headers)
        request.headers.set("Contact", str(self.contact))
        request.body = self.sdp() if body is None else body
        if request.body and "Content-Type" not in request.headers:
            request.headers.set("Content-Type", "application/sdp")
        call.invite = request
        self._credentials = authenticate
        call.outgoing = self.send(request, call)
        return call

    def make_request(self, method: str, uri: str, headers: Sequence[tuple[str, str]] = ()) -> Request:
        """A request outside any dialog, without Via."""
        request = Request(method, uri)
        own = NameAddress(self.display_name, Uri("sip", "0900666", host="elsewhere.example"))
        for name, value in (
            ("From", str(own.with_tag(new_tag()))),
            ("To", f"<{uri}>"),
            ("Call-ID", new_call_id()),
            ("CSeq", f"1 {method}"),
            ("Max-Forwards", "70"),
            ("User-Agent", f"Phone of {self.username}"),
        ):
            request.headers.set(name, value)
        for name, value in headers:
            request.headers.set(name, value)
        return request

    async def ask(self, method: str, uri: str, headers: Sequence[tuple[str, str]] = ()) -> Response:
        """The final answer to a request outside any dialog."""
        call = PhoneCall(self)
        self.send(self.make_request(method, uri, headers), call)
        await self.until(lambda: call.last_answer is not None or any(r.status >= 200 for r in call.responses), "answer")
        return call.last_answer or call.responses[-1]

    async def incoming(self) -> PhoneCall:
        """The next call that comes in."""
        await self.until(lambda: bool(self._waiting), "an INVITE")
        return self._waiting.pop(0)

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something to happen at this phone."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{self.username} waited in vain for {what}") from None

    def vanish(self) -> None:
        """Nobody hears of it again."""
        self.is_deaf = True
        self.network.detach(self.address)

    @property
    def is_ringing(self) -> bool:
        """Whether an INVITE came that nobody has looked at."""
        return bool(self._waiting)

    # the works

    def send(self, request: Request, call: PhoneCall) -> ClientTransaction:
        request.headers.prepend("Via", f"SIP/2.0/UDP {self.address};branch={new_branch()};rport")
        transaction = self._layer.request(request, self.flow, self._now())
        self._owners[transaction] = call
        self._work()
        return transaction

    def respond(self, transaction: ServerTransaction, response: Response) -> None:
        self._layer.respond(transaction, response, self._now())
        self._work()

    def cancel(self, transaction: ClientTransaction, headers: Sequence[tuple[str, str]] = ()) -> None:
        self._layer.cancel(transaction, self._now(), headers)
        self._work()

    def acknowledge(self, dialog: Dialog, invite: Request, body: bytes = b"") -> None:
        ack = dialog.ack(invite)
        ack.headers.prepend("Via", f"SIP/2.0/UDP {self.address};branch={new_branch()};rport")
        if body:
            ack.headers.set("Content-Type", "application/sdp")
            ack.body = body
        self._transmit(bytes(ack))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _receive(self, data: bytes, source: TransportAddress) -> None:
        self._layer.receive(parse_message(data), self.flow, self._now())
        self._work()

    def _work(self) -> None:
        while True:
            for output in self._layer.take_outputs():
                self._transmit(output.data)
            events = self._layer.take_events()
            if not events:
                break
            for event in events:
                self._handle(event)
        self._news.set()
        self._arm()

    def _transmit(self, data: bytes) -> None:
        if not self.is_deaf:
            self.network.send(data, self.address, self.pbx)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = self._layer.next_timer()
        if due is not None:
            self._timer = asyncio.get_running_loop().call_at(due, self._fire)

    def _fire(self) -> None:
        self._layer.handle_timer(self._now())
        self._work()

    def _handle(self, event: object) -> None:
        match event:
            case RequestReceived(transaction=transaction, request=request):
                self._handle_request(transaction, request)
            case AckReceived(request=request):
                call = self._find(request)
                if call is not None:
                    call.requests.append(request)
            case CancelReceived(transaction=transaction, request=cancel):
                call = next(one for one in self.calls if one.transaction is transaction)
                call.is_cancelled, call.cancel_request = True, cancel
                if call.dialog is None or call.dialog.state is DialogState.EARLY:
                    call.reject(487)
            case ResponseReceived(transaction=client, response=response, flow=flow):
                if not self._answer_challenge(client, response):
                    self._owners[client].receive_response(response, client, flow)
            case StrayResponse(response=response):
                self.strays.append(response)
            case TimedOut() | TransportFailed():
                pass

    def _handle_request(self, transaction: ServerTransaction, request: Request) -> None:
        if request.method == "INVITE" and request.to.tag is None:
            call = PhoneCall(self)
            call.invite, call.transaction = request, transaction
            self.calls.append(call)
            self._waiting.append(call)
            return
        found = self._find(request)
        if found is not None:
            found.receive_request(transaction, request)
        else:
            self.respond(transaction, Response.to_request(request, 481))

    def _find(self, request: Request) -> PhoneCall | None:
        for call in self.calls:
            known = call.dialog.id.call_id if call.dialog is not None else None
            if known == request.call_id:
                return call
        return None

    def _answer_challenge(self, transaction: ClientTransaction, response: Response) -> bool:
        """Repeat a challenged request with credentials (RFC 3261 §22.2); False when there is nothing to do."""
        request = transaction.request
        if response.status != 401 or not self._credentials or "Authorization" in request.headers:
            return False
        challenge = DigestChallenge.parse(response.headers.get_all("WWW-Authenticate")[0])
        again = request.copy()
        again.headers.remove("Via")
        again.headers.set("CSeq", f"{request.cseq.number + 1} {request.method}")
        again.headers.set("Authorization", digest(challenge, request, self.username, self.password))
        call = self._owners[transaction]
        call.invite = again
        call.outgoing = self.send(again, call)
        return True

    _credentials: bool = True


def digest(challenge: DigestChallenge, request: Request, username: str, password: str) -> str:
    """An Authorization value for MD5 with qop=auth (RFC 7616 §3.4)."""

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    cnonce = new_tag()
    secret = md5(f"{username}:{challenge.realm}:{password}")
    action = md5(f"{request.method}:{request.uri}")
    response = md5(f"{secret}:{challenge.nonce}:00000001:{cnonce}:auth:{action}")
    return (
        f'Digest username="{username}", realm="{challenge.realm}", nonce="{challenge.nonce}", uri="{request.uri}", '
        f'response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="{cnonce}"'
    )


def password_hashes(username: str, realm: str, password: str) -> tuple[str, str]:
    """HA1 by MD5 and by SHA-256 (RFC 8760)."""
    text = f"{username}:{realm}:{password}".encode()
    return hashlib.md5(text).hexdigest(), hashlib.sha256(text).hexdigest()
