"""The methods of a worker's control socket, with wrong parameters above all."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.control.client import ControlSession
from appliance.control.errors import CallRefused
from tests.support.media_worker import WorkerProcess


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    with WorkerProcess(tmp_path_factory.mktemp("run"), ports="40920-40959") as running:
        yield running


@pytest.fixture
def control(worker: WorkerProcess) -> Iterator[ControlSession]:
    with ControlSession(worker.socket, 5.0) as session:
        yield session


def leg(identifier: str) -> dict[str, Any]:
    return {"id": identifier, "bind_host": "127.0.0.1", "advertised_host": "192.0.2.1"}


def codec(payload_type: object = 0, clock_rate: object = 8000) -> dict[str, Any]:
    return {"payload_type": payload_type, "name": "PCMU", "clock_rate": clock_rate, "channels": 1, "parameters": ""}


def description(**changes: Any) -> dict[str, Any]:
    return {
        "id": "a", "address": {"host": "127.0.0.1", "port": 4000}, "codecs": [codec()], "local_codecs": [codec()],
        "direction": "sendrecv", "ptime": 20, **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "params", "says"),
    [
        ("session.fly", {}, "no method"),
        ("session.open", {}, "`legs`"),
        ("session.open", {"legs": [], "call_id": "x"}, "1 to 64"),
        ("session.open", {"legs": ["leg"], "call_id": "x"}, "`id`"),
        ("session.open", {"legs": [leg("a"), leg("a")], "call_id": "x"}, "already"),
        ("session.close", {"id": "nobody"}, "no such media session"),
        ("session.close", {"id": 7}, "`id`"),
    ],
)
def test_a_wrong_request_is_refused_in_words(control: ControlSession, method: str, params: Any, says: str) -> None:
    with pytest.raises(CallRefused, match=says):
        control.call(method, params)
    assert control.call("worker.status")["sessions"] == 0


@pytest.mark.parametrize(
    ("method", "params", "says"),
    [
        ("session.configure", description(direction="sideways"), "`direction`"),
        ("session.configure", description(codecs=[codec(payload_type=128)]), "payload type"),
        ("session.configure", description(codecs=[codec(clock_rate=True)]), "`clock_rate`"),
        ("session.configure", description(codecs=[codec()] * 65), "more than 64"),
        ("session.configure", description(address={"host": "127.0.0.1", "port": 70000}), "`port`"),
        ("session.configure", description(signalling_host=5), "`signalling_host`"),
        ("session.bridge", {"id": "a", "other": "a"}, "that is echo"),
        ("session.bridge", {"id": "a", "hop": {"port": 1, "token": "x"}}, "hexadecimal"),
        ("session.play", {"id": "a", "source": {"kind": "film"}}, "a tone, a file or silence"),
        ("session.attach", {"id": "a", "state": "%"}, "base64"),
        ("session.echo", {"id": "a"}, "`enabled`"),
    ],
)
def test_a_wrong_request_leaves_the_session_as_it_was(
    control: ControlSession, method: str, params: Any, says: str
) -> None:
    control.call("session.open", {"legs": [leg("a")], "call_id": "x"})
    try:
        with pytest.raises(CallRefused, match=says):
            control.call(method, params)
    finally:
        assert control.call("session.close", {"id": "a"})["packets_received"] == 0


def test_all_legs_are_opened_or_none(control: ControlSession) -> None:
    free = control.call("worker.status")["ports_free"]
    with pytest.raises(CallRefused) as caught:
        control.call("session.open", {"legs": [leg(str(number)) for number in range(free + 1)], "call_id": "x"})
    assert caught.value.code == 503
    assert caught.value.data["retry_after"] >= 1
    status = control.call("worker.status")
    assert (status["sessions"], status["ports_free"]) == (0, free)


def test_the_list_shows_who_is_there(control: ControlSession) -> None:
    control.call("session.open", {"legs": [leg("a")], "call_id": "call-7"})
    control.call("session.attach", {"id": "a", "state": "c3RhdGU="})
    (listed,) = control.call("session.list")["sessions"]
    control.call("session.close", {"id": "a"})
    assert listed.pop("port") % 2 == 0
    assert listed == {"id": "a", "call_id": "call-7", "host": "192.0.2.1", "owned": True, "state": "c3RhdGU="}


def test_counters_of_many_sessions_come_in_one_answer(control: ControlSession) -> None:
    control.call("session.open", {"legs": [leg("a"), leg("b")], "call_id": "x"})
    answer = control.call("session.statistics", {"ids": ["a", "gone", "b", 7]})
    assert set(answer["sessions"]) == {"a", "b"}
    assert answer["sessions"]["a"]["speaks"] == "unknown"
    with pytest.raises(CallRefused, match="more than 32"):
        control.call("session.statistics", {"ids": ["a"] * 33})
    assert control.call("session.quality", {"id": "a"}) == {"seconds": 5, "age": 0.0, "speaks": [], "hears": []}
    for identifier in ("a", "b"):
        assert control.call("session.close", {"id": identifier})["series"]["seconds"] == 5


def test_start_is_refused_with_a_sentence_when_another_worker_answers(
    worker: WorkerProcess, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    second = WorkerProcess(tmp_path, ports="40960-40979")
    second._command[second._command.index("--socket") + 1] = str(worker.socket)
    assert second.run_to_end() == 1
    assert "already answers" in capfd.readouterr().err


def test_a_failure_that_nobody_thought_of_is_answered_too(control: ControlSession) -> None:
    control.call("session.open", {"legs": [leg("a")], "call_id": "x"})
    with pytest.raises(CallRefused, match="log of the media worker"):
        control.call("session.record", {"id": "a", "path": "no\0file"})
    assert control.call("session.close", {"id": "a"})["packets_sent"] == 0


@pytest.fixture
def few_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few_files")
def test_a_worker_may_open_more_files_than_a_shell_allows(tmp_path: Path) -> None:
    with WorkerProcess(tmp_path, ports="41000-41799") as running, ControlSession(running.socket, 5.0) as control:
        control.call("worker.status")
        assert running.process is not None
        assert resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE)[0] >= 800
