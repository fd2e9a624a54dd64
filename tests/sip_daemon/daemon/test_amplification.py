"""Each kind of answer to a UDP address that has proven nothing: at most three times what was sent in its name.

The requests are as short as they can be: compact header names (RFC 3261 §7.3.3), and what no parser asks for left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sip_daemon.message import Request, parse_message
from tests.support.digest import REALM, authorize
from tests.support.switchboard import STRANGER, Switchboard

TIMES = 3


@pytest.fixture
async def switchboard() -> AsyncIterator[Switchboard]:
    made = Switchboard()
    running = asyncio.create_task(made.calls.run())
    await asyncio.sleep(0)
    yield made
    made.calls.stop()
    await running


def short(
    method: str, *more: str, uri: str = "sip:a", to: str = "<sip:a>", version: str = "SIP/2.0", cseq: str = ""
) -> bytes:
    lines = (
        f"{method} {uri} {version}",
        "v:SIP/2.0/UDP a;branch=z9hG4bK1",
        "f:<sip:a@a>;tag=1",
        f"t:{to}",
        "i:1",
        f"CSeq:{cseq or f'1 {method}'}",
        *more,
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


ANSWERED = [
    (200, short("OPTIONS")),
    (400, short("OPTIONS", cseq="x")),
    (400, short("OPTIONS", "l:99")),
    (400, short("INVITE", "m:<")),
    (401, short("REGISTER")),
    (404, short("INVITE")),
    (405, short("MESSAGE")),
    (405, short("X")),
    (414, short("OPTIONS", uri="sip:" + "a" * 9000)),
    (416, short("INVITE", uri="tel:1")),
    (420, short("REGISTER", "Require:z")),
    (420, short("INVITE", "Require:z")),
    (481, short("BYE", to="<sip:a>;tag=2")),
    (481, short("INVITE", to="<sip:a>;tag=2")),
    (481, short("CANCEL")),
    (483, short("INVITE", "Max-Forwards:0")),
    (505, short("OPTIONS", version="SIP/3.0")),
]


def exchange(switchboard: Switchboard, data: bytes) -> tuple[int, int]:
    """The status of the one answer, and its bytes."""
    switchboard.transport.receiver.message_received(data, STRANGER)
    ((answer, _),) = switchboard.transport.take_sent()
    return int(answer[8:11]), len(answer)


@pytest.mark.parametrize(("status", "data"), ANSWERED, ids=lambda value: str(value)[:20])
async def test_an_answer_is_at_most_three_times_the_shortest_request(
    switchboard: Switchboard, status: int, data: bytes
) -> None:
    told, size = exchange(switchboard, data)
    assert told == status
    assert size <= TIMES * len(data)


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS"])
async def test_so_is_the_503_of_an_overload(switchboard: Switchboard, method: str) -> None:
    switchboard.is_behind(0.6)
    told, size = exchange(switchboard, short(method))
    assert told == 503
    assert size <= TIMES * len(short(method))


@pytest.mark.parametrize(
    ("source", "password", "status"), [("203.0.113.5", "wrong", 403), ("198.51.100.1", "1001"[::-1], 401)]
)
async def test_so_is_the_answer_to_wrong_and_to_stale_credentials(
    switchboard: Switchboard, source: str, password: str, status: int
) -> None:
    """A nonce that was sent elsewhere is stale."""
    challenge = switchboard.nonces.challenge(REALM, switchboard.now, source=source)[0]
    asked = parse_message(short("REGISTER"))
    assert isinstance(asked, Request)
    signed = bytes(authorize(asked, challenge, "1001", password=password))
    told, size = exchange(switchboard, signed)
    assert told == status
    assert size <= TIMES * len(signed)


async def test_the_shortest_register_is_offered_one_challenge_and_a_usual_one_both(switchboard: Switchboard) -> None:
    """RFC 8760 §2.4: one for each algorithm; what a phone sends has room for them."""
    switchboard.transport.receiver.message_received(short("REGISTER"), STRANGER)
    usual = short(
        "REGISTER", "Max-Forwards:70", "m:<sip:a@192.0.2.10:5060;ob>;expires=600", "User-Agent:phone 1.0 (firmware)"
    )
    switchboard.transport.receiver.message_received(usual.replace(b"K1", b"K2").replace(b"i:1", b"i:2"), STRANGER)
    answers = [data.count(b"WWW-Authenticate") for data, _ in switchboard.transport.take_sent()]
    assert answers == [1, 2]


async def test_what_cannot_be_said_in_that_size_is_not_said() -> None:
    switchboard = Switchboard(realm="r" * 200)
    switchboard.transport.receiver.message_received(short("REGISTER"), STRANGER)
    assert switchboard.transport.take_sent() == []
