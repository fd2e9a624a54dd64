"""Which messages somebody sees who asks for a device, a call, an address or strangers."""

from __future__ import annotations

from typing import Any

from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import Request
from sip_daemon.trace import RECEIVED, SENT, DeviceHints, TraceReader, TraceRing, TraceView
from tests.support.messages import invite, options, register, request_bytes, response_to

LOCAL = TransportAddress("192.0.2.1", 5060)
DIGEST = 'Digest username="{name}", realm="r", nonce="n", uri="sip:h", response="0123456789abcdef0123456789abcdef"'
ALL = TraceView()


def udp(host: str = "192.0.2.10", port: int = 5060) -> Flow:
    return Flow(TransportProtocol.UDP, LOCAL, TransportAddress(host, port))


def tcp(number: int, host: str = "192.0.2.10") -> Flow:
    return Flow(TransportProtocol.TCP, LOCAL, TransportAddress(host, 41_000 + number), number)


def title(entry: dict[str, Any]) -> str:
    return f"{entry['direction']} {entry['method'] or entry['title']} {entry['status'] or ''}".strip()


class Wire:
    """What went over the wire, in a ring, and somebody who looks at it."""

    def __init__(self, budget: int = 1024 * 1024) -> None:
        self.ring = TraceRing(budget)
        self.reader = TraceReader(self.ring)

    def receive(self, message: object, flow: Flow | None = None) -> None:
        self.ring.add(RECEIVED, bytes(message), flow or udp())  # type: ignore[call-overload]

    def send(self, message: object, flow: Flow | None = None) -> None:
        self.ring.add(SENT, bytes(message), flow or udp())  # type: ignore[call-overload]

    def registration(self, name: str, flow: Flow | None = None, contact: str = "") -> Request:
        headers = {"Contact": f"<{contact}>"} if contact else {}
        asked = register(name, headers=headers)
        self.receive(asked, flow)
        self.send(response_to(asked, 401), flow)
        again = register(name, headers={**headers, "Call-ID": asked.call_id, "Authorization": DIGEST.format(name=name)})
        self.receive(again, flow)
        self.send(response_to(again, 200), flow)
        return again

    async def titles(self, view: TraceView, after: int = 0, limit: int = 100) -> list[str]:
        answer = await self.reader.read(view, after, limit)
        return [title(entry) for entry in answer["entries"]]


def device(name: str, *contacts: str, flows: tuple[Flow, ...] = ()) -> TraceView:
    return TraceView(device=DeviceHints(name, contacts, flows))


REGISTERED = ["received REGISTER", "sent REGISTER 401", "received REGISTER", "sent REGISTER 200"]


async def test_a_device_has_its_registrations_the_refused_ones_too() -> None:
    wire = Wire()
    wire.registration("1001")
    wire.registration("1002", udp("192.0.2.11"))
    refused = register("1001")
    wire.receive(refused, udp("203.0.113.9"))
    wire.send(response_to(refused, 403), udp("203.0.113.9"))
    assert await wire.titles(device("1001")) == [*REGISTERED, "received REGISTER", "sent REGISTER 403"]


async def test_two_phones_behind_one_address_are_told_apart() -> None:
    wire = Wire()
    for name in ("1001", "1002"):
        wire.registration(name)
    assert await wire.titles(device("1002", flows=(udp(),))) == REGISTERED


async def test_a_device_has_the_calls_that_it_makes() -> None:
    wire = Wire()
    call = invite("1002", "1001", headers={"Authorization": DIGEST.format(name="1001")})
    wire.receive(call)
    wire.send(response_to(call, 180))
    assert await wire.titles(device("1001")) == ["received INVITE", "sent INVITE 180"]
    assert await wire.titles(device("1002")) == []


async def test_a_device_has_the_calls_that_reach_it_by_its_contact() -> None:
    wire = Wire()
    wire.registration("1002", udp("192.0.2.11"), contact="sip:x-1002@192.0.2.11:5060")
    call = request_bytes("INVITE", "sip:x-1002@192.0.2.11:5060", headers={"Call-ID": "leg-b"})
    wire.send(call, udp("192.0.2.11"))
    assert (await wire.titles(device("1002")))[4:] == ["sent INVITE"]
    # The REGISTER may have been dropped, or heard by an earlier process: the binding knows the contact as well.
    other = Wire()
    other.send(call, udp("192.0.2.11"))
    assert await other.titles(device("1002", "sip:x-1002@192.0.2.11:5060")) == ["sent INVITE"]


async def test_a_device_has_what_nobody_claims_on_its_flow() -> None:
    wire = Wire()
    wire.registration("1001", tcp(3))
    wire.receive(options(), tcp(3))
    wire.receive(options(), tcp(4))
    assert await wire.titles(device("1001", flows=(tcp(3),))) == [*REGISTERED, "received OPTIONS"]


async def test_news_of_its_connection_stand_among_a_devices_messages() -> None:
    wire = Wire()
    wire.ring.note("Connected", tcp(3))
    wire.registration("1001", tcp(3))
    wire.ring.note("Connection ended: closed by the peer", tcp(3))
    wire.ring.note("Connected", tcp(4))
    assert await wire.titles(device("1001", flows=(tcp(3),))) == [
        "note Connected",
        *REGISTERED,
        "note Connection ended: closed by the peer",
    ]


async def test_a_call_has_the_messages_of_all_its_legs_in_order() -> None:
    wire = Wire()
    first = invite("1002", "1001", headers={"Call-ID": "leg-a"})
    second = invite("1002", "1001", headers={"Call-ID": "leg-b"})
    wire.receive(first)
    wire.receive(options())
    wire.send(second, udp("192.0.2.11"))
    wire.receive(response_to(second, 200), udp("192.0.2.11"))
    wire.ring.note("BYE not sent: no route", udp("192.0.2.11"))
    wire.send(response_to(first, 200))
    assert await wire.titles(TraceView(call_ids={"leg-a", "leg-b", "of-no-call"})) == [
        "received INVITE",
        "sent INVITE",
        "received INVITE 200",
        "note BYE not sent: no route",
        "sent INVITE 200",
    ]


async def test_an_address_and_strangers_can_be_asked_for() -> None:
    wire = Wire()
    wire.ring.know("192.0.2.10")
    wire.receive(options())
    wire.receive(b"GET / HTTP/1.1\r\n\r\n", udp("203.0.113.66"))
    wire.receive(options(), udp("203.0.113.67"))
    assert await wire.titles(TraceView(host="203.0.113.66")) == ["received Not a SIP message"]
    assert await wire.titles(TraceView(strangers=True)) == ["received Not a SIP message", "received OPTIONS"]
    assert len(await wire.titles(ALL)) == 3


async def test_a_bookmark_gives_what_came_since() -> None:
    wire = Wire()
    wire.receive(options())
    cursor = (await wire.reader.read(ALL, 0, 100))["cursor"]
    assert await wire.titles(ALL, after=cursor) == []
    wire.send(response_to(options()))
    assert await wire.titles(ALL, after=cursor) == ["sent OPTIONS 200"]


async def test_the_newest_are_shown_when_there_are_too_many() -> None:
    wire = Wire()
    for number in range(5):
        wire.receive(options(cseq=number + 1))
    answer = await wire.reader.read(ALL, 0, 2)
    assert [entry["cseq"] for entry in answer["entries"]] == ["4 OPTIONS", "5 OPTIONS"]
    assert answer["total"] == 5


async def test_an_entry_says_what_a_ladder_needs() -> None:
    wire = Wire()
    call = invite("1002", "1001", headers={"Call-ID": "leg-a"})
    wire.receive(call)
    wire.receive(call)
    first, again = (await wire.reader.read(ALL, 0, 10))["entries"]
    wanted: dict[str, Any] = {
        "direction": "received",
        "kind": "request",
        "transport": "UDP",
        "local": "192.0.2.1:5060",
        "remote": "192.0.2.10:5060",
        "title": "INVITE sip:1002@192.0.2.1 SIP/2.0",
        "method": "INVITE",
        "call_id": "leg-a",
        "from": "1001",
        "to": "1002",
        "has_sdp": True,
        "problem": "",
        "repeated": False,
    }
    assert {name: first[name] for name in wanted} == wanted
    assert again["repeated"] is True
    assert first["text"].startswith("INVITE sip:1002@192.0.2.1 SIP/2.0\n")


async def test_a_malformed_message_is_there_with_the_reason() -> None:
    wire = Wire()
    wire.receive(request_bytes(headers={"CSeq": "x OPTIONS"}))
    (entry,) = (await wire.reader.read(ALL, 0, 10))["entries"]
    assert entry["kind"] == "malformed"
    assert entry["problem"]


async def test_what_the_ring_dropped_is_not_shown_any_more() -> None:
    wire = Wire(64 * 1024)
    call = invite("1002", "1001", headers={"Call-ID": "old"})
    wire.receive(call)
    wire.ring.note("Connected", udp())
    wire.receive(b"no message", udp())
    assert len(await wire.titles(TraceView(call_ids={"old"}))) == 2
    for number in range(300):
        wire.receive(options(cseq=number + 1))
    assert await wire.titles(TraceView(call_ids={"old"})) == []
    assert await wire.titles(device("nobody", flows=(udp(),)), limit=3) == ["received OPTIONS"] * 3


async def test_odd_spellings_of_call_id_are_found() -> None:
    wire = Wire()
    wire.receive(b"BYE sip:1@h SIP/2.0\ni : folded\n\r\n")
    wire.receive(b"BYE sip:1@h SIP/2.0\r\nCALL-id: \r\n folded\r\n\r\n")
    assert len(await wire.titles(TraceView(call_ids={"folded"}))) == 2
