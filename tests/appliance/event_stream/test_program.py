"""The whole program on its sockets, with a `sip` that publishes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import pytest

from appliance.control.aio import AsyncControlClient, ControlServer
from appliance.database.models import User
from appliance.event_stream.program import EventProgram
from appliance.operations import users
from appliance.operations.api_tokens import make_token
from appliance.operations.context import Role
from appliance.operations.events import record_event
from appliance.operations.sessions import SESSION_COOKIE, sign_out, start_session
from appliance.secret import Secret
from tests.support.appliance import Office
from tests.support.stream import StreamClient, until

CALL = {"at": 1.0, "event": "started", "id": "c1", "extensions": ["1001"], "started_at": 1.0}


@pytest.fixture
async def sip(office: Office) -> AsyncIterator[ControlServer]:
    server = ControlServer(office.appliance.folder.sip_socket, "sip", {}, frozenset({"binding", "call", "listeners"}))
    await server.start()
    yield server
    await server.close()


@asynccontextmanager
async def running(office: Office) -> AsyncIterator[EventProgram]:
    program = EventProgram(office.appliance)
    task = asyncio.create_task(program.run())
    await until(lambda: office.appliance.folder.events_socket.exists() or task.done())
    try:
        yield program
    finally:
        program.stop()
        await task


@pytest.fixture
async def program(office: Office) -> AsyncIterator[EventProgram]:
    async with running(office) as started:
        yield started


def session(office: Office, name: str = "ada", role: Role = Role.ADMIN) -> Secret:
    office.person(name, role)
    return start_session(office.appliance, User.get(User.name == name), address="192.0.2.1").token


async def opened(office: Office, token: Secret, target: str = "/api/events/stream", **headers: str) -> StreamClient:
    client = StreamClient(office.appliance.folder.event_stream_socket)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    await client.open({"Cookie": f"{SESSION_COOKIE}={token.reveal()}"} | named, target)
    return client


async def subscribed(sip: ControlServer) -> None:
    await until(lambda: sip.has_subscribers)


async def test_what_sip_publishes_reaches_a_browser(office: Office, sip: ControlServer, program: EventProgram) -> None:
    client = await opened(office, session(office))
    assert (client.status, client.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert client.headers["x-accel-buffering"] == "no"
    await subscribed(sip)
    sip.publish("call", CALL)
    events = await client.wait_for(["call"])
    assert events[-1][2]["startedAt"] == "1970-01-01T00:00:01.000Z"


async def test_one_subscription_serves_all_readers(office: Office, sip: ControlServer, program: EventProgram) -> None:
    token = session(office)
    clients = [await opened(office, token) for _ in range(20)]
    await subscribed(sip)
    sip.publish("call", CALL)
    for client in clients:
        await client.wait_for(["call"])
    assert sip.connections == 1


async def test_a_program_reads_with_its_token(office: Office, program: EventProgram) -> None:
    token = make_token(office.admin(), "monitor").token
    client = StreamClient(office.appliance.folder.event_stream_socket)
    await client.open({"Authorization": f"Bearer {token.reveal()}"})
    await client.wait_for(["hello"])


@pytest.mark.parametrize(
    ("headers", "target", "method", "status"),
    [
        ({"Cookie": f"{SESSION_COOKIE}=wrong"}, "/api/events/stream", "GET", 401),
        ({}, "/api/events/stream", "GET", 401),
        ({}, "/api/events/stream", "POST", 405),
        ({}, "/other", "GET", 404),
        ({"Origin": "https://evil.example"}, "/api/events/stream", "GET", 403),
        ({"Origin": "null"}, "/api/events/stream", "GET", 403),
        ({}, "/api/events/stream?kinds=gossip", "GET", 422),
    ],
)
async def test_refusals_are_problem_documents(
    office: Office, program: EventProgram, headers: dict[str, str], target: str, method: str, status: int
) -> None:
    """RFC 9457."""
    client = StreamClient(office.appliance.folder.event_stream_socket)
    await client.open(headers, target, method)
    assert (client.status, client.headers["content-type"]) == (status, "application/problem+json")
    assert (await client.problem())["status"] == status


async def test_what_is_no_http_is_refused(office: Office, program: EventProgram) -> None:
    reader, writer = await asyncio.open_unix_connection(str(office.appliance.folder.event_stream_socket))
    writer.write(b"\x16\x03\x01\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_the_own_origin_is_let_in(office: Office, program: EventProgram) -> None:
    client = await opened(office, session(office), Origin="https://box.example")
    await client.wait_for(["hello"])


async def test_signing_out_closes_the_stream(office: Office, program: EventProgram) -> None:
    token = session(office)
    client = await opened(office, token)
    await client.wait_for(["hello"])
    sign_out(token)
    await program.check_readers()
    events = await client.wait_for_the_end()
    assert events[-1][1:] == ("bye", {"reason": "You are signed out."})


async def test_another_role_closes_the_stream_of_a_token(office: Office, program: EventProgram) -> None:
    """A session ends by itself when the role changes."""
    token = make_token(office.person("grace"), "monitor").token
    client = StreamClient(office.appliance.folder.event_stream_socket)
    await client.open({"Authorization": f"Bearer {token.reveal()}"})
    await client.wait_for(["hello"])
    users.edit_user(office.console, "grace", role="admin")
    await program.check_readers()
    assert (await client.wait_for_the_end())[-1][2] == {"reason": "Your rights have changed."}


async def test_alarms_are_told_to_administrators(office: Office, program: EventProgram) -> None:
    admin = await opened(office, session(office))
    grace = await opened(office, session(office, "grace", Role.USER))
    await admin.wait_for(["hello"])
    await grace.wait_for(["hello"])
    record_event(
        office.appliance.folder.database, severity="error", source="sip", kind="disk-full", message="The disk is full."
    )
    events = await admin.wait_for(["alarm"])
    assert events[-1][2]["message"] == "The disk is full."
    program.stop()
    assert [kind for _, kind, _ in await grace.wait_for_the_end()] == ["hello", "bye"]


async def test_readers_hear_that_sip_went_and_came_back(office: Office, program: EventProgram) -> None:
    client = await opened(office, session(office))
    server = ControlServer(office.appliance.folder.sip_socket, "sip", {}, frozenset({"binding", "call", "listeners"}))
    await server.start()
    await client.wait_for(["system"])
    await server.close()
    async with asyncio.timeout(10):
        while True:
            events = await client.wait_for(["system"])
            if events[-1][2]["sip"] == "down":
                break
            client.body += await client.reader.read(65536)


async def test_who_comes_back_goes_on_where_it_was(office: Office, sip: ControlServer, program: EventProgram) -> None:
    token = session(office)
    await subscribed(sip)
    client = await opened(office, token, "/api/events/stream?kinds=call")
    (last_seen, _, _) = (await client.wait_for(["hello"]))[0]
    client.close()
    sip.publish("call", CALL)
    again = await opened(office, token, Last_Event_ID=last_seen)
    assert [kind for _, kind, _ in await again.wait_for(["call"])] == ["call"]


async def test_after_a_restart_readers_are_told_to_ask_anew(office: Office) -> None:
    token = session(office)
    async with running(office):
        client = await opened(office, token)
        (last_seen, _, _) = (await client.wait_for(["hello"]))[0]
    assert (await client.wait_for_the_end())[-1][1] == "bye"
    async with running(office):
        again = await opened(office, token, Last_Event_ID=last_seen)
        assert [kind for _, kind, _ in await again.wait_for(["reset"])] == ["reset"]


async def test_the_command_line_sees_everything(office: Office, sip: ControlServer, program: EventProgram) -> None:
    heard: list[tuple[str, dict[str, object]]] = []
    client = await AsyncControlClient.connect(
        office.appliance.folder.events_socket, on_notification=lambda kind, data: heard.append((kind, data))
    )
    await client.call("subscribe", {"topics": ["call"]})
    await subscribed(sip)
    sip.publish("call", CALL)
    await until(lambda: bool(heard))
    assert heard[0][1]["id"] == "c1"
    assert (await client.call("status"))["streams"] == 0
    await client.close()


async def test_a_crowd_that_comes_back_at_once_finds_room(office: Office, program: EventProgram) -> None:
    """nginx does not wait for room, nor does this test let the program accept anybody meanwhile."""
    with ExitStack() as crowd:
        for _ in range(500):
            one = crowd.enter_context(socket.socket(socket.AF_UNIX))
            one.setblocking(False)
            one.connect(str(office.appliance.folder.event_stream_socket))
