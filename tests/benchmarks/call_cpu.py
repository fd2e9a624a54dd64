"""CPU time of signalling for each call, without sockets: `.venv/bin/python -m tests.benchmarks.call_cpu`.

A call is what a telephone makes of it: INVITE, challenge, INVITE with credentials, 180, 200, ACK, BYE; both sides. As
in the daemon, the last messages are kept for whoever wants to see them. The messages of the phones are made beforehand
or outside of what is counted. With `--media` a real media worker is asked, by its control socket; its own CPU time is
not counted. `--profile N` prints the N functions that take most.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import hashlib
import json
import pstats
import re
import subprocess
import tempfile
import time
from pathlib import Path

import uvloop

from sip_daemon.authentication import Authenticator
from sip_daemon.call.manager import CallManager
from sip_daemon.endpoint import Endpoint, Identity
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.media_plane import MediaPlane
from sip_daemon.media_plane.local import LocalMediaPlane
from sip_daemon.registrar import Binding
from sip_daemon.trace import TraceRing
from tests.support.digest import REALM, directory, ha1
from tests.support.media import MemoryMediaPlane
from tests.support.media_worker import WorkerProcess
from tests.support.transport import SocketlessTransport

SERVER = TransportAddress("127.0.0.1", 5060)
CALLER = Flow(TransportProtocol.UDP, SERVER, TransportAddress("127.0.0.1", 45061))
CALLEE = Flow(TransportProtocol.UDP, SERVER, TransportAddress("127.0.0.1", 45062))
SIDE_BY_SIDE = 16
"""Calls that are set up at the same time; the sixteen telephones that are called have the numbers 200 to 215."""
DIALLED = re.compile(rb"sip:(2[0-9][0-9])@")
ROUNDS = 15
GC_THRESHOLDS = (20_000, 20, 20)
"""Those of the daemon."""

SDP = (
    "v=0\r\no=phone 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 8 101\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
    "a=sendrecv\r\n"
)
REQUEST = (
    "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:45061;branch=z9hG4bK{branch};rport\r\nMax-Forwards: 70\r\n"
    'From: "Ada" <sip:1001@127.0.0.1>;tag=a{call}\r\nTo: <sip:{number}@127.0.0.1>{to_tag}\r\nCall-ID: {call}\r\n'
    "CSeq: {cseq} {method}\r\nContact: <sip:1001@127.0.0.1:45061>\r\n{extra}"
    "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE\r\nSupported: replaces, timer\r\nUser-Agent: bench phone 1.0\r\n"
)
COPIED = re.compile(rb"^(?:Via|From|Call-ID|CSeq|Record-Route): [^\r]*\r\n", re.MULTILINE)
TO = re.compile(rb"^To: ([^\r]*)\r\n", re.MULTILINE)
CONTACT = re.compile(rb"^Contact: <([^>]*)>", re.MULTILINE)
NONCE = re.compile(rb'nonce="([^"]*)", algorithm=MD5')


def request(method: str, number: str, call: str, cseq: int, *, uri: str = "", branch: str = "", to_tag: str = "",
            extra: str = "", body: str = "") -> bytes:  # fmt: skip
    """What the calling phone sends."""
    head = REQUEST.format(
        method=method, uri=uri or f"sip:{number}@127.0.0.1", branch=branch or f"{call}{method}{cseq}", number=number,
        call=call, to_tag=to_tag, cseq=cseq, extra=extra,
    )  # fmt: skip
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return f"{head}{kind}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def response(to: bytes, status: str, number: str, tag: str, body: str = "") -> bytes:
    """What the called phone answers to a request of ours."""
    found = TO.search(to)
    assert found is not None
    to_value = found.group(1) if b";tag=" in found.group(1) else found.group(1) + b";tag=" + tag.encode()
    kind = "Content-Type: application/sdp\r\n" if body else ""
    contact = f"Contact: <{contact_of(number)}>\r\n"
    rest = f"{contact}User-Agent: bench phone 1.0\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
    copied = b"".join(COPIED.findall(to.partition(b"\r\n\r\n")[0] + b"\r\n"))
    return f"SIP/2.0 {status}\r\n".encode() + copied + b"To: " + to_value + b"\r\n" + rest.encode()


def contact_of(number: str) -> str:
    return f"sip:{number}@127.0.0.1:45062"


def authorization(nonce: str, method: str, uri: str) -> str:
    key = ha1("1001", "1001")
    ha2 = hashlib.md5(f"{method}:{uri}".encode()).hexdigest()
    digest = hashlib.md5(f"{key}:{nonce}:00000001:abc:auth:{ha2}".encode()).hexdigest()
    return (
        f'Authorization: Digest username="1001", realm="{REALM}", nonce="{nonce}", uri="{uri}", '
        f'response="{digest}", algorithm=MD5, cnonce="abc", qop=auth, nc=00000001\r\n'
    )


class Wire(SocketlessTransport):
    """Hands what the daemon sends to the call that it belongs to."""

    def __init__(self) -> None:
        super().__init__()
        self.inboxes: dict[bytes, asyncio.Queue[bytes]] = {}
        """By the dialled number, which stands in each message of both legs."""

    def send(self, data: bytes, flow: Flow) -> None:
        found = DIALLED.search(data)
        assert found is not None, data
        self.inboxes[found.group(1)].put_nowait(data)


class Bench:
    """The signalling of the daemon without its sockets, and the two phones."""

    def __init__(self, media: MediaPlane) -> None:
        self.transport = Wire()
        self.endpoint = Endpoint(self.transport.as_layer(), identity=Identity("GoSIP/bench"), trace=TraceRing())
        numbers = [f"2{slot:02d}" for slot in range(SIDE_BY_SIDE)]
        known = directory("1001", *numbers, domains=("127.0.0.1",))
        self.transport.inboxes = {number.encode(): asyncio.Queue() for number in numbers}
        bindings = {number: (Binding(number, contact_of(number), CALLEE, 1e12, 0.0, "b", 1),) for number in numbers}
        self.records = 0
        self.manager = CallManager(
            self.endpoint,
            media,
            directory=lambda: known,
            locate=lambda username: bindings.get(username, ()),
            authenticator=Authenticator(),
            submit=self._submit,
            wall_clock=time.time,
        )
        self.endpoint.request_handler = self.manager.handle_request
        self.endpoint.ack_handler = self.manager.handle_ack
        self.endpoint.cancel_handler = self.manager.handle_cancel
        self.outside = 0.0
        """Seconds of CPU that the phones took."""

    def _submit(self, change: object) -> None:
        self.records += 1

    def give(self, data: bytes, flow: Flow) -> None:
        self.transport.receiver.message_received(data, flow)

    async def take(self, number: str, count: int) -> list[bytes]:
        """The next messages to the two phones of a call."""
        inbox = self.transport.inboxes[number.encode()]
        return [await inbox.get() for _ in range(count)]

    async def call(self, slot: int, serial: int) -> None:
        number, call = f"2{slot:02d}", f"{serial:08x}"
        mark = time.process_time()
        first = request("INVITE", number, call, 1, body=SDP)
        self.outside += time.process_time() - mark

        self.give(first, CALLER)
        (challenge,) = await self.take(number, 1)
        assert challenge.startswith(b"SIP/2.0 401"), challenge

        mark = time.process_time()
        tag, uri = to_tag_of(challenge), f"sip:{number}@127.0.0.1"
        nonce = NONCE.findall(challenge)[0].decode()
        ack = request("ACK", number, call, 1, branch=f"{call}INVITE1", to_tag=tag)
        second = request("INVITE", number, call, 2, extra=authorization(nonce, "INVITE", uri), body=SDP)
        self.outside += time.process_time() - mark

        self.give(ack, CALLER)
        self.give(second, CALLER)
        trying, invite = await self.take(number, 2)
        assert trying.startswith(b"SIP/2.0 100"), trying

        mark = time.process_time()
        ringing = response(invite, "180 Ringing", number, f"b{call}")
        answer = response(invite, "200 OK", number, f"b{call}", SDP)
        self.outside += time.process_time() - mark

        self.give(ringing, CALLEE)
        await self.take(number, 1)
        self.give(answer, CALLEE)
        messages = await self.take(number, 2)

        mark = time.process_time()
        ok = next(one for one in messages if one.startswith(b"SIP/2.0 200"))
        tag, target = to_tag_of(ok), CONTACT.findall(ok)[0].decode()
        ack = request("ACK", number, call, 2, uri=target, to_tag=tag)
        bye = request("BYE", number, call, 3, uri=target, to_tag=tag)
        self.outside += time.process_time() - mark

        self.give(ack, CALLER)
        await asyncio.sleep(0)
        self.give(bye, CALLER)
        messages = await self.take(number, 2)

        mark = time.process_time()
        farewell = next(one for one in messages if one.startswith(b"BYE"))
        last = response(farewell, "200 OK", number, f"b{call}")
        self.outside += time.process_time() - mark
        self.give(last, CALLEE)

    async def calls(self, slot: int, first: int, count: int) -> None:
        for number in range(count):
            await self.call(slot, first + number)


def to_tag_of(message: bytes) -> str:
    value: bytes = TO.findall(message)[0]
    return value.partition(b">")[2].decode()


async def measure(media: MediaPlane, calls: int, profile: cProfile.Profile | None) -> dict[str, float]:
    bench = Bench(media)
    running = asyncio.create_task(bench.manager.run())
    await asyncio.sleep(0)  # let it begin
    await bench.calls(0, 0, 200)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    best = float("inf")
    each = calls // ROUNDS // SIDE_BY_SIDE
    for part in range(ROUNDS):
        bench.outside = 0.0
        if profile is not None:
            profile.enable()
        started = time.process_time()
        first = (part + 1) * 1_000_000
        await asyncio.gather(*[bench.calls(slot, first + slot * each, each) for slot in range(SIDE_BY_SIDE)])
        used = time.process_time() - started - bench.outside
        if profile is not None:
            profile.disable()
        best = min(best, used / (each * SIDE_BY_SIDE))
    while bench.manager.calls:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)
    bench.manager.stop()
    await running
    return {"call_us": best * 1e6, "records_per_call": bench.records / (200 + ROUNDS * each * SIDE_BY_SIDE)}


async def run(options: argparse.Namespace, profile: cProfile.Profile | None) -> dict[str, float]:
    if not options.media:
        return await measure(MemoryMediaPlane(capacity=100_000), options.calls, profile)
    with tempfile.TemporaryDirectory() as folder, WorkerProcess(Path(folder), log=subprocess.DEVNULL) as worker:
        media = LocalMediaPlane([worker.socket])
        await media.start()
        try:
            return await measure(media, options.calls, profile)
        finally:
            await media.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--media", action="store_true", help="ask a real media worker")
    parser.add_argument("--profile", type=int, metavar="N", default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    profile = cProfile.Profile() if options.profile else None
    found = uvloop.run(run(options, profile))
    if options.json:
        print(json.dumps(found))
    else:
        print(f"one call: {found['call_us']:.0f} us of CPU, {found['records_per_call']:.1f} values to the store")
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(options.profile)


if __name__ == "__main__":
    main()
