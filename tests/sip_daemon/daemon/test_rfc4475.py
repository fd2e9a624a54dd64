"""All 49 torture messages of RFC 4475 at the whole signalling: what a stranger hears over UDP and over a stream, and
what a member hears who answers the challenge.

The domains of the messages are served and the names in their To are devices, so that nothing is refused only because
it is meant for somebody else. Where the RFC leaves the choice, or ours is another, the reason stands beside it. What
the parser makes of each is in tests/sip_daemon/message/test_rfc4475.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from sip_daemon.message import MalformedMessage, Request, StreamFramer, parse_message
from tests.support.bindings import tcp
from tests.support.digest import REALM, authorize
from tests.support.switchboard import STRANGER, Switchboard

FOLDER = Path(__file__).parents[4] / "shared" / "torture"
DOMAINS = frozenset(
    {"example.com", "example.net", "company.com", "chair-dnrc.example.com", "vivekg.chair-dnrc.example.com"}
)
MEMBERS = ("user", "j.user", "watson", "null-\0-null")
OTHER = "test"
"""In the folder, not in the RFC."""
STREAM = tcp(7, STRANGER.remote.host)
WAITS: Final = "waits"
"""The stream holds part of a message: the rest comes, or its deadline (`TransportLimits.message_seconds`) closes it."""
BROKEN: Final = "broken"
"""Where the next message begins cannot be told: the connection is closed."""

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the RFC 4475 messages are not in {FOLDER}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answers' statuses; an empty tuple is silence."""

    udp: tuple[int, ...]
    stream: tuple[int, ...] | None = None
    """None: as over UDP."""
    then: str = ""
    """What becomes of the stream: it goes on, `WAITS` or is `BROKEN`."""
    member: tuple[int, ...] = ()
    """Once the challenge is answered. 486: it goes through, the member calls itself."""


BAD: Final = Verdict((400,))
DROPPED: Final = Verdict(())

VERDICTS: Final = {
    # §3.1.1: valid
    "wsinv": Verdict((481,)),  # .1: To has a tag, and there is no such dialog (RFC 3261 §12.2.2)
    "intmeth": Verdict((405,)),  # .2: 405 or 501, as for any method that is not ours
    "esc01": Verdict((401,), member=(100, 404)),  # .3: nobody is called "sips:user@example.com"
    "escnull": Verdict((401,), member=(200,)),  # .4: a name may hold zeros
    "esc02": Verdict((405,)),  # .5: RE%47IST%45R is another method than REGISTER
    "lwsdisp": Verdict((200,)),  # .6
    "longreq": Verdict((401,), member=(100, 486)),  # .7
    "dblreq": Verdict((401,), (401, 400), BROKEN, member=(200,)),  # .8: a stream has the second too, no Contact in it
    "semiuri": Verdict((200,)),  # .9
    "transports": Verdict((200,)),  # .10
    "mpart01": Verdict((405,)),  # .11: MESSAGE
    "unreason": DROPPED,  # .12: a response to nothing of ours, and so
    "noreason": DROPPED,  # .13
    # §3.1.2: invalid
    "badinv01": DROPPED,  # .1: 400 is asked for; its only Via cannot be read, which is where the answer would go
    "clerr": Verdict((400,), (), WAITS),  # .2: a stream may have the rest yet
    "ncl": Verdict((400,), (400,), BROKEN),  # .3
    "scalar02": BAD,  # .4
    "scalarlg": DROPPED,  # .5: a response
    "quotbal": BAD,  # .6
    "ltgtruri": BAD,  # .7
    "lwsruri": BAD,  # .8
    "lwsstart": BAD,  # .9: liberal is allowed
    "trws": BAD,  # .10: likewise
    "escruri": BAD,  # .11
    "baddate": Verdict((401,), member=(100, 486)),  # .12: nobody needs the Date
    "regbadct": BAD,  # .13
    "badaspec": BAD,  # .14
    "baddn": Verdict((200,), (), WAITS),  # .15: what is meant is plain; the file lacks the line end behind its head
    "badvers": Verdict((505,)),  # .16
    "mismatch01": BAD,  # .17
    "mismatch02": BAD,  # .18: or 501
    "bigcode": DROPPED,  # .19: a response
    # §3.2: transaction layer
    "badbranch": Verdict((200,)),  # .1: matched as RFC 2543 did
    # §3.3: application layer
    "insuf": DROPPED,  # .1: 400 is asked for; without From, To and Call-ID an answer would be malformed itself
    "unkscm": Verdict((416,)),  # .2
    "novelsc": Verdict((416,)),  # .3
    "unksm2": Verdict((401,), member=(400,)),  # .4
    "bext01": Verdict((420,)),  # .5
    "invut": Verdict((415,)),  # .6
    "regaut01": Verdict((401,), member=(200,)),  # .7: credentials of an unknown scheme are none
    "multi01": BAD,  # .8
    "mcl01": Verdict((400,), (400,), BROKEN),  # .9
    "bcast": DROPPED,  # .10: a response with a second Via is somebody else's (RFC 3261 §8.1.3.3)
    "zeromf": Verdict((200,)),  # .11: an endpoint heeds no Max-Forwards
    "cparam01": Verdict((401,), member=(200,)),  # .12
    "cparam02": Verdict((401,), member=(200,)),  # .13
    "regescrt": Verdict((401,), member=(200,)),  # .14
    "sdp01": Verdict((406,)),  # .15
    # §3.4: backward compatibility
    "inv2543": Verdict((400,), (400,), BROKEN),  # .1: without Contact there is no way to end a call
}


@contextlib.asynccontextmanager
async def a_switchboard() -> AsyncIterator[Switchboard]:
    switchboard = Switchboard(domains=DOMAINS, members=MEMBERS)
    running = asyncio.create_task(switchboard.calls.run())
    await asyncio.sleep(0)
    try:
        yield switchboard
    finally:
        switchboard.calls.stop()
        await running


@pytest.fixture(autouse=True)
def no_bug_was_caught(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def read(name: str) -> bytes:
    return (FOLDER / f"{name}.dat").read_bytes()


def answers(switchboard: Switchboard) -> tuple[int, ...]:
    return tuple(int(data[8:11]) for data, _ in switchboard.transport.take_sent())


@pytest.mark.parametrize(("name", "verdict"), VERDICTS.items())
async def test_over_udp(name: str, verdict: Verdict) -> None:
    async with a_switchboard() as switchboard:
        switchboard.transport.receiver.message_received(read(name), STRANGER)
        sent = list(switchboard.transport.sent)
        assert answers(switchboard) == verdict.udp
        assert all(flow.remote.host == STRANGER.remote.host for _, flow in sent)  # never where a forged Via says
        assert not switchboard.calls.calls


@pytest.mark.parametrize(("name", "verdict"), VERDICTS.items())
async def test_over_a_stream(name: str, verdict: Verdict) -> None:
    async with a_switchboard() as switchboard:
        then = feed_stream(switchboard, read(name))
        expected = verdict.udp if verdict.stream is None else verdict.stream
        assert (answers(switchboard), then) == (expected, verdict.then)


@pytest.mark.parametrize("piece", [1, 7])
async def test_how_a_stream_is_cut_changes_nothing(piece: int) -> None:
    for name, verdict in VERDICTS.items():
        async with a_switchboard() as switchboard:
            data = read(name)
            then = feed_stream(switchboard, *(data[at : at + piece] for at in range(0, len(data), piece)))
            expected = verdict.udp if verdict.stream is None else verdict.stream
            assert (name, answers(switchboard), then) == (name, expected, verdict.then)


@pytest.mark.parametrize(("name", "verdict"), [(name, one) for name, one in VERDICTS.items() if 401 in one.udp])
async def test_for_a_member(name: str, verdict: Verdict) -> None:
    async with a_switchboard() as switchboard:
        signed = sign(switchboard, read(name))
        switchboard.transport.receiver.message_received(signed, STRANGER)
        for _ in range(20):  # what an INVITE sets off takes some turns of the loop, and no time
            await asyncio.sleep(0)
        assert answers(switchboard) == verdict.member


def sign(switchboard: Switchboard, data: bytes) -> bytes:
    """REGISTER by whom it is for; a call by the member that is called itself."""
    asked = parse_message(data)
    assert isinstance(asked, Request)
    challenge = switchboard.nonces.challenge(REALM, switchboard.now, source=STRANGER.remote.host)[0]
    username = asked.to.uri.user if asked.method == "REGISTER" and asked.to.uri.user in MEMBERS else "user"
    return bytes(authorize(asked, challenge, username or "user"))


def feed_stream(switchboard: Switchboard, *pieces: bytes) -> str:
    """As a connection does; returns what becomes of it."""
    receiver, framer = switchboard.transport.receiver, StreamFramer()
    with contextlib.suppress(MalformedMessage):
        for piece in pieces:
            for frame in framer.receive_data(piece):
                if isinstance(frame, bytes):
                    receiver.message_received(frame, STREAM)
    if framer.error is not None:
        receiver.framing_failed(framer.error, STREAM)
        return BROKEN
    return WAITS if framer.is_inside_message else ""


def test_each_of_the_49_has_a_verdict() -> None:
    assert set(VERDICTS) == {path.stem for path in FOLDER.glob("*.dat")} - {OTHER}
    assert len(VERDICTS) == 49
