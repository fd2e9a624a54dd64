"""What mutations begin with: messages of our own in tests/data/fuzz, and those of RFC 4475 where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path

from sip_daemon.media.packets.dtmf import TelephoneEvent
from sip_daemon.media.packets.rtcp import (
    Goodbye,
    ReceiverReport,
    ReceptionReport,
    SenderReport,
    SourceDescription,
    pack_compound,
)
from sip_daemon.media.packets.rtp import RtpPacket

DATA = Path(__file__).parents[1] / "data" / "fuzz"
TORTURE = Path(__file__).parents[3] / "shared" / "torture"


def files(folder: Path, pattern: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob(pattern))]


def sip() -> list[bytes]:
    """Requests and responses, whole and correct. Not the torture messages: the same seed then gives the same bytes
    everywhere."""
    return files(DATA / "sip", "*.sip")


def torture() -> list[bytes]:
    """Empty where the folder is absent."""
    return files(TORTURE, "*.dat")


def sdp() -> list[bytes]:
    return files(DATA / "sdp", "*.sdp")


def header_values(*names: str) -> list[bytes]:
    """The values that stand behind these names in the messages."""
    wanted = {name.lower() for name in names}
    found = []
    for message in sip():
        for line in message.partition(b"\r\n\r\n")[0].decode().split("\r\n"):
            name, _, value = line.partition(":")
            if name.lower() in wanted:
                found.append(value.strip().encode())
    return sorted(set(found))


def uris() -> list[bytes]:
    return [
        b"sip:1001@pbx.example", b"sips:a%20b:p%40ss@[2001:db8::1]:5061;transport=tls;lr?Subject=x&To=%3Csip:a%40b%3E",
        b"sip:192.0.2.1", b"tel:+1-555;phone-context=x", b"sip:%61lice;par=u%40e@h;maddr=192.0.2.9;ttl=6;method=BYE",
        b"urn:uuid:00000000-0000-1000-8000-000b82000001", b"sip:a;b@h:05060;user=phone?X",
    ]  # fmt: skip


def rtp() -> list[bytes]:
    plain = [RtpPacket(number, 1000 + number, 160 * number, 0x1234, bytes(160)) for number in (0, 8, 9)]
    event = RtpPacket(101, 1003, 480, 0x1234, TelephoneEvent(5, True, 10, 800).pack(), marker=True)
    extended = (
        b"\x91\x80\x03\xec\x00\x00\x02\x80\x00\x00\x12\x34"
        + b"\x00\x00\x00\x01\xbe\xde\x00\x01\x10\xff\x00\x00"
        + bytes(20)
    )
    padded = b"\xa0\x00\x03\xed\x00\x00\x03\x20\x00\x00\x12\x34" + bytes(20) + b"\x00\x00\x00\x04"
    return [*(packet.pack() for packet in (*plain, event)), extended, padded, b"\x80", b""]


def rtcp() -> list[bytes]:
    report = ReceptionReport(0x1234, 3, -2, 70000, 15, 0xBEEF, 65536)
    sender = SenderReport(0x5678, 1 << 63, 4000, 10, 1600, (report,))
    whole = pack_compound([sender, SourceDescription(0x5678, "a@b"), Goodbye((0x5678,))])
    receiver = pack_compound([ReceiverReport(1, (report, report)), SourceDescription(1, "x" * 200)])
    feedback = b"\x81\xcd\x00\x03" + bytes(12)
    return [whole, receiver, whole + feedback, pack_compound([Goodbye(())]), b"\x80\xc9\x00\x01\x00\x00\x00\x01"]


def stun() -> list[bytes]:
    binding = (
        b"\x00\x01\x00\x0c\x21\x12\xa4\x42" + bytes(12) + b"\x00\x06\x00\x03a:b\x00\x80\x28\x00\x04\x00\x00\x00\x00"
    )
    client_hello = b"\x16\xfe\xfd" + bytes(8) + b"\x00\x10\x01" + bytes(15)
    return [binding, client_hello, *rtp(), *rtcp()]


def control() -> list[bytes]:
    lines: list[object] = [
        {"gosip": "sip", "protocol": 1},
        {"jsonrpc": "2.0", "id": 1, "method": "session.open", "params": {"call": "c", "legs": [{"host": "192.0.2.1"}]}},
        {"jsonrpc": "2.0", "method": "event", "params": {"id": "1", "kind": "digit", "digit": "5"}},
        {"jsonrpc": "2.0", "id": 1, "result": {"sessions": [], "rate": 1.5, "ok": True, "none": None}},
        {"jsonrpc": "2.0", "id": "x", "error": {"code": -32601, "message": "no method", "data": ["a"]}},
    ]
    encoded = [json.dumps(line).encode() + b"\n" for line in lines]
    return [*encoded, b"".join(encoded), b"\n\n", b'{"jsonrpc":"2.0","id":2,"method":"m","params":[1]}\n']
