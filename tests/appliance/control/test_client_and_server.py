"""The blocking client, the asyncio client and the asyncio server, over real unix sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.control.aio import AsyncControlClient, ControlServer
from appliance.control.client import ControlClient, NoAnswerInTime, NotReachable, ProtocolMismatch
from appliance.control.errors import INTERNAL_ERROR, METHOD_NOT_FOUND, AlreadyRunning, CallRefused, ControlError


async def slowly(params: dict[str, Any]) -> str:
    await asyncio.sleep(3600)
    return "never"


async def gently(params: dict[str, Any]) -> dict[str, Any]:
    await asyncio.sleep(0)
    return {"heard": params}


def refuse(params: dict[str, Any]) -> None:
    raise CallRefused(404, "There is no such call.")


def fail(params: dict[str, Any]) -> None:
    raise RuntimeError("a secret detail")


METHODS = {"echo": lambda params: params, "gently": gently, "slowly": slowly, "refuse": refuse, "fail": fail}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sip.sock"


@pytest.fixture
async def server(path: Path) -> AsyncIterator[ControlServer]:
    server = ControlServer(path, "sip", METHODS, topics=frozenset({"call"}))
    await server.start()
    yield server
    await server.close()


@pytest.fixture
def background_server(path: Path) -> Iterator[ControlServer]:
    """A server in a thread of its own, for the blocking client."""
    server = ControlServer(path, "sip", METHODS, topics=frozenset({"call"}))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(server.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield server
    asyncio.run_coroutine_threadsafe(server.close(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@contextlib.contextmanager
def raw_server(path: Path, greeting: bytes) -> Iterator[None]:
    """Accepts one connection, says the greeting and nothing more."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            connection.sendall(greeting)
            connection.recv(65536)
            connection.recv(65536)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join(5)


def test_the_blocking_client_calls(background_server: ControlServer, path: Path) -> None:
    assert ControlClient(path).call("echo", {"a": [1, "ü"]}) == {"a": [1, "ü"]}


def test_several_calls_share_one_session(background_server: ControlServer, path: Path) -> None:
    with ControlClient(path).connect() as session:
        assert session.greeting.program == "sip"
        assert session.call("echo", {"n": 1}) == {"n": 1}
        assert session.call("gently", {"n": 2}) == {"heard": {"n": 2}}


def test_a_long_answer_arrives_whole(background_server: ControlServer, path: Path) -> None:
    text = "x" * 900_000
    assert ControlClient(path).call("echo", {"text": text})["text"] == text


def test_a_refusal_reaches_the_caller(background_server: ControlServer, path: Path) -> None:
    with pytest.raises(CallRefused, match="no such call") as caught:
        ControlClient(path).call("refuse")
    assert caught.value.code == 404


def test_an_unknown_method_is_named(background_server: ControlServer, path: Path) -> None:
    with pytest.raises(CallRefused, match="'nonsense'") as caught:
        ControlClient(path).call("nonsense")
    assert caught.value.code == METHOD_NOT_FOUND


def test_a_fault_in_a_handler_is_an_internal_error_that_shows_nothing(
    background_server: ControlServer, path: Path
) -> None:
    with pytest.raises(CallRefused) as caught:
        ControlClient(path).call("fail")
    assert caught.value.code == INTERNAL_ERROR
    assert "secret" not in str(caught.value)


def test_a_missing_socket_is_not_reachable(path: Path) -> None:
    with pytest.raises(NotReachable, match="sip is not running"):
        ControlClient(path).call("status")


def test_a_socket_file_without_a_program_is_not_reachable(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(path))
    with pytest.raises(NotReachable, match="sip is not running"):
        ControlClient(path).call("status")


def test_a_program_that_does_not_answer_costs_no_more_than_the_timeout(
    background_server: ControlServer, path: Path
) -> None:
    with pytest.raises(NoAnswerInTime, match=r"within 0\.05 seconds"):
        ControlClient(path, timeout=0.05).call("slowly")


def test_a_stranger_on_the_socket_is_no_part_of_gosip(path: Path) -> None:
    with raw_server(path, b'{"redis": 1}\n'), pytest.raises(ProtocolMismatch):
        ControlClient(path).call("status")


def test_subscribed_notifications_reach_the_blocking_client(background_server: ControlServer, path: Path) -> None:
    with ControlClient(path).connect() as session:
        session.call("subscribe", {"topics": ["call"]})
        background_server.publish("call", {"id": "a"})
        session.call("echo")
        assert [note.params for note in session.notifications(timeout=0.05)] == [{"id": "a"}]


async def test_the_asyncio_client_has_many_calls_at_a_time(server: ControlServer, path: Path) -> None:
    client = await AsyncControlClient.connect(path)
    results = await asyncio.gather(*(client.call("gently", {"n": number}) for number in range(50)))
    assert [result["heard"]["n"] for result in results] == list(range(50))
    await client.close()


async def test_the_asyncio_client_refuses_like_the_blocking_one(server: ControlServer, path: Path) -> None:
    client = await AsyncControlClient.connect(path)
    with pytest.raises(CallRefused, match="no such call"):
        await client.call("refuse")
    await client.close()


async def test_only_subscribers_of_a_topic_get_it(server: ControlServer, path: Path) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []
    silent = await AsyncControlClient.connect(path, on_notification=lambda *_: pytest.fail("did not subscribe"))
    client = await AsyncControlClient.connect(path, on_notification=lambda *note: heard.append(note))
    await client.call("subscribe", {"topics": ["call"]})
    server.publish("call", {"id": "a"})
    await client.call("echo")
    await silent.call("echo")
    assert heard == [("call", {"id": "a"})]
    await client.close()
    await silent.close()


async def test_an_unknown_topic_is_refused(server: ControlServer, path: Path) -> None:
    client = await AsyncControlClient.connect(path)
    with pytest.raises(CallRefused, match="no topic weather"):
        await client.call("subscribe", {"topics": ["weather"]})
    await client.close()


async def test_a_call_whose_program_goes_away_ends_and_the_owner_is_told(server: ControlServer, path: Path) -> None:
    reasons: list[ControlError] = []
    client = await AsyncControlClient.connect(path, on_closed=reasons.append)
    call = asyncio.create_task(client.call("slowly"))
    await asyncio.sleep(0)
    await server.close()
    with pytest.raises(NotReachable):
        await call
    assert len(reasons) == 1
    with pytest.raises(NotReachable):
        await client.call("echo")
    await client.close()


async def test_a_failing_listener_does_not_end_the_connection(server: ControlServer, path: Path) -> None:
    def listener(method: str, params: dict[str, Any]) -> None:
        raise RuntimeError

    client = await AsyncControlClient.connect(path, on_notification=listener)
    await client.call("subscribe", {"topics": ["call"]})
    server.publish("call", {})
    assert await client.call("echo", {"n": 1}) == {"n": 1}
    await client.close()


async def test_the_asyncio_client_says_not_reachable(path: Path) -> None:
    with pytest.raises(NotReachable, match="not running"):
        await AsyncControlClient.connect(path)


async def test_a_server_forgets_a_client_that_left(server: ControlServer, path: Path) -> None:
    client = await AsyncControlClient.connect(path)
    assert server.connections == 1
    await client.close()
    async with asyncio.timeout(2):
        while server.connections:  # noqa: ASYNC110 - the server has no event for it, nor a need of one
            await asyncio.sleep(0.001)


async def test_a_client_that_sends_too_much_is_shut_out(server: ControlServer, path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b"x" * (1024 * 1024 + 1))
    answer = await asyncio.wait_for(reader.read(), 5)
    assert b"longer than" in answer
    writer.close()


async def test_a_second_server_on_the_same_socket_is_refused(server: ControlServer, path: Path) -> None:
    with pytest.raises(AlreadyRunning):
        await ControlServer(path, "sip", METHODS).start()


async def test_the_socket_file_of_a_killed_program_is_taken_over(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(path))
    server = ControlServer(path, "sip", METHODS)
    await server.start()
    client = await AsyncControlClient.connect(path)
    await client.close()
    await server.close()
    assert not path.exists()  # noqa: ASYNC240


async def test_only_owner_and_group_may_use_the_socket(server: ControlServer, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o660  # noqa: ASYNC240


async def test_a_folder_that_is_missing_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="cannot be opened"):
        await ControlServer(tmp_path / "absent" / "sip.sock", "sip", METHODS).start()
