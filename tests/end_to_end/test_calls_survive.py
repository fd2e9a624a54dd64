"""The promise that a crash of the signalling process drops no call.

Twenty calls with audio in both directions go on while the process is killed and supervisor starts it again. What is
counted is packets: each one that a phone sent has to reach the other, in order and without a gap.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio

from sip_daemon.flow import TransportAddress
from tests.support.media_worker import RtpPeer
from tests.support.phones import Phone, PhoneCall
from tests.support.system import GosipSystem
from tests.support.udp_network import UdpNetwork
from tests.support.waiting import wait_for

pytestmark = pytest.mark.end_to_end

CALLS = 20
PACKET_SECONDS = 0.02
PCMA = 8


@pytest.fixture(scope="module")
def gosip() -> Iterator[GosipSystem]:
    with GosipSystem() as system:
        yield system


@pytest_asyncio.fixture
async def network() -> AsyncIterator[UdpNetwork]:
    made = UdpNetwork()
    yield made
    made.close()


class Talk:
    """One call and the audio of its two phones."""

    def __init__(self, caller: Phone, callee: Phone) -> None:
        self.caller, self.callee = caller, callee
        self.peers = RtpPeer(payload_type=PCMA), RtpPeer(payload_type=PCMA)
        self.sent = 0
        self.heard: tuple[list[int], list[int]] = ([], [])
        """Sequence numbers, as each of the two got them."""
        self.call: PhoneCall | None = None
        self.ringing: PhoneCall | None = None
        self.ways: list[TransportAddress] = []
        """Where each of the two sends its audio."""

    async def begin(self) -> None:
        self.caller.media, self.callee.media = (peer.address for peer in self.peers)
        self.call = self.caller.dial(self.callee.username)
        self.ringing = await self.callee.incoming()
        self.ringing.ring()
        await self.call.response(180)
        self.ringing.answer()
        await self.call.response(200)
        await self.ringing.received("ACK")
        for side in (self.call, self.ringing):
            stream = side.remote_sdp.media[0]
            self.ways.append(TransportAddress("127.0.0.1", stream.port))

    def speak(self) -> None:
        for peer, way in zip(self.peers, self.ways, strict=True):
            peer.send(way)
        self.sent += 1

    def listen(self) -> None:
        for peer, heard in zip(self.peers, self.heard, strict=True):
            peer.socket.setblocking(False)
            while True:
                try:
                    packet = peer.socket.recv(2048)
                except BlockingIOError:
                    break
                heard.append(int.from_bytes(packet[2:4], "big"))

    def close(self) -> None:
        for peer in self.peers:
            peer.close()


class Audio:
    """Lets all phones speak from a thread, a packet each in 20 ms, until it is told to stop."""

    def __init__(self, talks: list[Talk]) -> None:
        self._talks = talks
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        time.sleep(0.3)
        for talk in self._talks:
            talk.listen()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.is_set():
            for talk in self._talks:
                talk.speak()
                talk.listen()
            due += PACKET_SECONDS
            time.sleep(max(0.0, due - time.monotonic()))


def signalling(gosip: GosipSystem) -> dict[str, Any]:
    processes = gosip.json_of_any_outcome("status")["processes"]
    found: dict[str, Any] = next(one for one in processes if one["name"] == "sip")
    return found


def live_calls(gosip: GosipSystem) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = gosip.json("call", "list", "--live")["calls"]
    return calls


def is_gapless(numbers: list[int]) -> bool:
    return all((after - before) & 0xFFFF == 1 for before, after in pairwise(numbers))


async def plug_in(gosip: GosipSystem, network: UdpNetwork, number: str) -> Phone:
    account = gosip.add_device(number)
    address = await network.address()
    server = TransportAddress("127.0.0.1", gosip.sip_port)
    phone = Phone(network, account.username, address, account.password, pbx=server)
    aor = f"<sip:{account.username}@127.0.0.1>"
    headers = [("From", f"{aor};tag=1"), ("To", aor), ("Contact", str(phone.contact)), ("Expires", "600")]
    answer = await phone.ask("REGISTER", "sip:127.0.0.1", headers)
    assert answer.status == 200
    return phone


@pytest.mark.timeout(180)
async def test_killing_the_signalling_process_drops_no_call_and_no_packet(
    gosip: GosipSystem, network: UdpNetwork
) -> None:
    anna, berta, carl, dora = [await plug_in(gosip, network, number) for number in ("3101", "3102", "3103", "3104")]
    talks = [Talk(*pair) for pair in ((anna, berta), (carl, dora)) for _ in range(CALLS // 2)]
    for talk in talks:
        await talk.begin()
    audio = Audio(talks)
    audio.start()
    await asyncio.sleep(1.0)

    before = signalling(gosip)
    os.kill(before["pid"], signal.SIGKILL)
    # While nobody is there: this phone repeats its BYE until the restarted process answers it.
    early = talks[0].call
    assert early is not None
    early.hang_up()
    assert (await early.reply()).status == 200
    await asyncio.to_thread(wait_for, lambda: len(live_calls(gosip)) == CALLS - 1, "the calls to be taken up")
    assert signalling(gosip)["pid"] != before["pid"]
    await asyncio.sleep(1.0)
    audio.stop()

    for talk in talks[1:]:
        assert talk.sent > 100
        for heard in talk.heard:
            assert len(heard) == talk.sent
            assert is_gapless(heard)

    for number, talk in enumerate(talks[1:]):
        leaving, left = (talk.call, talk.ringing) if number % 2 else (talk.ringing, talk.call)
        assert leaving is not None
        assert left is not None
        leaving.hang_up()
        assert (await leaving.reply()).status == 200
        await left.received("BYE")
        talk.close()
    await asyncio.to_thread(wait_for, lambda: not live_calls(gosip), "all calls to end")
    await asyncio.sleep(0.2)
    history = gosip.json("call", "list", "--limit", "100")["items"]
    assert len(history) == CALLS
    assert {call["status"] for call in history} == {"answered"}
    assert sorted(call["ended_by"] for call in history) == ["callee"] * 10 + ["caller"] * 10
    assert sum(worker["sessions"] for worker in gosip.json("status")["sip"]["media"]) == 0
