"""What the trace costs signalling: `.venv/bin/python -m tests.benchmarks.trace`.

Prints nanoseconds of processor time for keeping one message (making room included) and, for comparison, what a REGISTER
or a call costs when each of its messages is kept; and how long it takes to look. Of several rounds the best counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.trace import RECEIVED, DeviceHints, TraceReader, TraceRing, TraceView

MESSAGES_OF_A_REGISTER = 4
"""With a challenge: two requests, two answers."""
MESSAGES_OF_A_CALL = 16
MESSAGE = (
    "REGISTER sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {host}:5060;branch=z9hG4bK{number:08x};rport\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:{user}@192.0.2.1>;tag={number:08x}\r\nTo: <sip:{user}@192.0.2.1>\r\n"
    "Call-ID: {user}@bench\r\nCSeq: {number} REGISTER\r\n"
    'Contact: <sip:{user}@{host}:5060>;+sip.instance="<urn:uuid:x>"\r\n'
    'Authorization: Digest username="{user}", realm="gosip", nonce="0123456789abcdef", uri="sip:192.0.2.1", '
    'response="0123456789abcdef0123456789abcdef", algorithm=MD5, cnonce="01234567", qop=auth, nc=00000001\r\n'
    "User-Agent: bench\r\nExpires: 300\r\nContent-Length: 0\r\n\r\n"
)


def messages(count: int, devices: int) -> list[tuple[bytes, Flow]]:
    local = TransportAddress("192.0.2.1", 5060)
    made = []
    for number in range(count):
        user = number % devices
        host = f"10.{user >> 8}.{user & 255}.7"
        data = MESSAGE.format(host=host, user=f"d{user}", number=number).encode()
        made.append((data, Flow(TransportProtocol.UDP, local, TransportAddress(host, 5060))))
    return made


def keep(ring: TraceRing, batch: list[tuple[bytes, Flow]]) -> float:
    """Seconds for each message, the loop around it taken off."""
    add = ring.add
    started = time.process_time()
    for data, flow in batch:
        add(RECEIVED, data, flow)
    between = time.process_time()
    for _data, _flow in batch:
        pass
    ended = time.process_time()
    return (between - started - (ended - between)) / len(batch)


async def look(ring: TraceRing, view: TraceView) -> tuple[float, float]:
    """Seconds for the first look and for the next one."""
    reader, seconds = TraceReader(ring), []
    for _ in range(2):
        started = time.process_time()
        await reader.read(view, 0, 100)
        seconds.append(time.process_time() - started)
    return seconds[0], seconds[1]


def measure(count: int, devices: int, rounds: int) -> dict[str, float]:
    batch = messages(count, devices)
    ring = TraceRing()
    for number in range(devices):
        ring.know(f"10.{number >> 8}.{number & 255}.7")
    best = min(keep(ring, batch) for _ in range(rounds))
    first, again = asyncio.run(look(ring, TraceView(device=DeviceHints("d1"))))
    return {
        "keep_ns": best * 1e9,
        "register_us": best * 1e6 * MESSAGES_OF_A_REGISTER,
        "call_us": best * 1e6 * MESSAGES_OF_A_CALL,
        "first_look_ms": first * 1000,
        "next_look_ms": again * 1000,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--devices", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.messages, options.devices, options.rounds)
    if options.json:
        print(json.dumps(found))
        return
    print(f"keeping a message: {found['keep_ns']:.0f} ns")
    print(f"in a challenged REGISTER: {found['register_us']:.1f} us; in a call: {found['call_us']:.1f} us")
    print(f"looking at a device: {found['first_look_ms']:.1f} ms the first time, {found['next_look_ms']:.1f} ms again")


if __name__ == "__main__":
    main()
