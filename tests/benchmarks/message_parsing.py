"""Microseconds per operation of the message layer: `python -m tests.benchmarks.message_parsing`.

Each figure is the best of several rounds of CPU time, since a shared machine only ever adds to it. Every message has
its own branch, tag and Call-ID, as on a real network, so that no cache is kinder than it will be there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import process_time

from sip_daemon.message import Request, Response, StreamFramer, parse_message
from tests.support.messages import SDP, invite, register, request_bytes

ROUNDS = 7
MESSAGES = 500

AUTHORIZATION = (
    'Digest username="1001",realm="gosip",nonce="MTcwMDAwMDAwMC4wMDA6c2lnbmF0dXJlc2lnbmF0dXJl",uri="sip:192.0.2.1",'
    'response="6629fae49393a05397450978507c4ef16629fae49393a05397450978507c4ef1",algorithm=SHA-256,'
    'cnonce="0a4f113b",qop=auth,nc=00000001,opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)


def best_microseconds(operation: Callable[[bytes], object], messages: Sequence[bytes]) -> float:
    """CPU time of one operation in the quietest round."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = process_time()
        for data in messages:
            operation(data)
        best = min(best, process_time() - started)
    return best / len(messages) * 1e6


def parse_and_serialise(data: bytes) -> bytes:
    return bytes(parse_message(data))


def answer(data: bytes) -> bytes:
    """What a registrar's message handling amounts to: read, take the contacts and credentials, write a 200."""
    message = parse_message(data)
    assert isinstance(message, Request)
    message.top_via = message.top_via.with_source("192.0.2.10", 5060)
    _ = message.contacts, message.authorizations, message.expires, message.supported
    response = Response.to_request(message, 200, to_tag="a1b2c3")
    response.headers.add("Contact", message.headers.get("Contact") or "")
    return bytes(response)


def frame(data: bytes) -> object:
    return StreamFramer().receive_data(data)


def measure() -> list[tuple[str, float]]:
    """The name and the microseconds of each operation."""
    invites = [bytes(invite(headers={"Record-Route": "<sip:192.0.2.7;lr>"})) for _ in range(MESSAGES)]
    registers = [bytes(register(headers={"Authorization": AUTHORIZATION})) for _ in range(MESSAGES)]
    responses = [bytes(Response.to_request(invite(), 180)) for _ in range(MESSAGES)]
    options = [request_bytes() for _ in range(MESSAGES)]
    assert SDP in invites[0]
    return [
        ("parse INVITE", best_microseconds(parse_message, invites)),
        ("parse and serialise INVITE", best_microseconds(parse_and_serialise, invites)),
        ("parse 180", best_microseconds(parse_message, responses)),
        ("parse OPTIONS", best_microseconds(parse_message, options)),
        ("parse REGISTER with digest", best_microseconds(parse_message, registers)),
        ("parse REGISTER with digest, answer 200", best_microseconds(answer, registers)),
        ("frame INVITE", best_microseconds(frame, invites)),
    ]


def main() -> None:
    for name, microseconds in measure():
        print(f"{name:45} {microseconds:7.1f} us")


if __name__ == "__main__":
    main()
