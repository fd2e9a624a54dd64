"""Programs die, everything is killed, ports are taken: what a person is told, and what is not lost."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import baresip
from tests.support.baresip import Baresip
from tests.support.shelf import Shelf
from tests.support.system import GosipSystem
from tests.support.tones import listen
from tests.support.waiting import free_port, wait_for

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(not baresip.is_available(), reason="baresip is not installed"),
]

LOW, HIGH = 700.0, 1300.0


@pytest.fixture
def gosip() -> Iterator[GosipSystem]:
    with GosipSystem() as system:
        yield system


class Pair:
    """Two phones that can call each other."""

    def __init__(self, gosip: GosipSystem, shelf: Shelf, first: str, second: str) -> None:
        self.caller = shelf.plug_in(Baresip, gosip.add_device(first), LOW)
        self.callee = shelf.plug_in(Baresip, gosip.add_device(second), HIGH, answer=True)
        self._number = second

    def call(self) -> None:
        self.caller.dial(self._number)
        self.caller.wait_event("CALL_ESTABLISHED")


def processes(gosip: GosipSystem) -> dict[str, dict[str, Any]]:
    return {process["name"]: process for process in gosip.json_of_any_outcome("status")["processes"]}


def live_calls(gosip: GosipSystem) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = gosip.json("call", "list", "--live")["calls"]
    return calls


def busy_workers(gosip: GosipSystem) -> dict[int, int]:
    return {worker["worker"]: worker["sessions"] for worker in gosip.json("status")["sip"]["media"]}


def test_a_killed_media_worker_ends_its_calls_only(gosip: GosipSystem, shelf: Shelf) -> None:
    pairs = [Pair(gosip, shelf, "2001", "2002"), Pair(gosip, shelf, "2003", "2004")]
    for pair in pairs:
        pair.call()
    assert busy_workers(gosip) == {0: 2, 1: 2}, "the calls are spread over the workers"
    time.sleep(1)
    os.kill(processes(gosip)["media:media-0"]["pid"], signal.SIGKILL)
    wait_for(lambda: len(live_calls(gosip)) == 1, "the lost worker's call to end")
    time.sleep(3)
    (survivor,) = (pair for pair in pairs if pair.caller.has_event("CALL_CLOSED") is None)
    wait_for(lambda: processes(gosip)["media:media-0"]["state"] == "RUNNING", "the worker to be started again")
    survivor.caller.hang_up()
    survivor.callee.wait_event("CALL_CLOSED")
    time.sleep(0.7)
    hearing = listen(survivor.caller.recording(), HIGH)
    assert hearing.heard_seconds > 3.5
    assert hearing.longest_gap_seconds == 0
    history = gosip.json("call", "list")["items"]
    assert sorted(call["ended_by"] for call in history) == ["caller", "system"]
    (lost,) = (call for call in history if call["ended_by"] == "system")
    assert "media" in lost["cause"]
    pairs[0].call()


def test_after_everything_was_killed_udp_phones_reach_each_other_without_registering_again(
    gosip: GosipSystem, shelf: Shelf
) -> None:
    pair = Pair(gosip, shelf, "2001", "2002")
    pair.call()
    time.sleep(1)
    pids = [process["pid"] for process in processes(gosip).values()]
    supervisor = int((gosip.data / "run" / "supervisord.pid").read_text())
    for pid in [supervisor, *pids]:
        os.kill(pid, signal.SIGKILL)
    before = registrations(pair.callee)
    pair.caller.hang_up()
    pair.callee.hang_up()
    time.sleep(0.5)
    gosip.up()
    assert {entry["username"] for entry in gosip.json("binding", "list")["bindings"]} == {"2001", "2002"}
    (call,) = gosip.json("call", "list")["items"]
    assert call["status"] == "stopped"
    assert call["ended_at"] is not None
    marker = len(pair.caller.events)
    pair.caller.dial("2002")
    pair.caller.wait_event("CALL_ESTABLISHED", after=marker)
    assert registrations(pair.callee) == before


def registrations(phone: Baresip) -> int:
    return len([event for event in phone.events if event.get("type") == "REGISTER_OK"])


def test_a_second_start_is_ready_within_three_seconds(gosip: GosipSystem) -> None:
    assert gosip.run("down").returncode == 0
    started = time.monotonic()
    gosip.up()
    assert time.monotonic() - started < 3.0


def test_a_start_of_a_running_system_says_so(gosip: GosipSystem) -> None:
    result = gosip.run("up", "--detach")
    assert result.returncode == 0
    assert "already running" in result.stdout


def test_a_taken_port_is_named_with_the_variable_to_change(gosip: GosipSystem) -> None:
    gosip.run("down")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((gosip.host, gosip.sip_port))
        result = gosip.run("up", "--detach")
    assert result.returncode == 1
    assert str(gosip.sip_port) in result.stderr
    assert "GOSIP_SIP_PORT" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("variable", "value", "hint"),
    [
        ("GOSIP_SIP_PORT", "fifty", "1 to 65535"),
        ("GOSIP_RTP_PORTS", "30000-20000", "GOSIP_RTP_PORTS"),
        ("GOSIP_LOG_LEVEL", "loud", "debug"),
        ("GOSIP_BIND_ADDRESS", "300.1.1.1", "GOSIP_BIND_ADDRESS"),
        ("GOSIP_DATABASE_URL", "postgresql://localhost/gosip", "SQLite"),
    ],
)
def test_a_bad_environment_value_is_one_clear_sentence(variable: str, value: str, hint: str) -> None:
    system = GosipSystem(environment={variable: value})
    result = system.run("up", "--detach")
    assert result.returncode == 1
    assert variable in result.stderr
    assert hint in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) <= 2


def test_two_systems_run_side_by_side(gosip: GosipSystem) -> None:
    with GosipSystem() as second:
        assert second.json("status")["running"]
        gosip.add_device("2001")
        assert second.json("device", "list")["total"] == 0


def test_an_unknown_user_and_a_wrong_password_get_the_same_answer(gosip: GosipSystem) -> None:
    account = gosip.add_device("2001")
    answers = {raw_register(gosip, user) for user in (account.username, "nobody")}
    assert len(answers) == 1


def raw_register(gosip: GosipSystem, user: str) -> str:
    """The status line and header names of the answer to a REGISTER with made-up credentials."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((gosip.host, free_port(kind=socket.SOCK_DGRAM)))
        phone.settimeout(5)
        host, port = phone.getsockname()
        message = (
            f"REGISTER sip:localhost SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{user};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@localhost>;tag=1\r\nTo: <sip:{user}@localhost>\r\n"
            f"Call-ID: {user}\r\nCSeq: 1 REGISTER\r\nContact: <sip:{user}@{host}:{port}>\r\n"
            f'Authorization: Digest username="{user}",realm="localhost",nonce="AAAA",uri="sip:localhost",'
            f'response="{"0" * 32}"\r\nContent-Length: 0\r\n\r\n'
        )
        phone.sendto(message.encode(), (gosip.host, gosip.sip_port))
        lines = phone.recv(65535).decode().split("\r\n")
    return "\n".join([lines[0], *(line.split(":")[0] for line in lines[1:])])


def test_garbage_on_the_sip_port_stops_nobody(gosip: GosipSystem) -> None:
    pid = processes(gosip)["sip"]["pid"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
        for index in range(2000):
            noise.sendto(os.urandom(index % 1400), (gosip.host, gosip.sip_port))
    with socket.create_connection((gosip.host, gosip.sip_port)) as stream:
        stream.sendall(os.urandom(100_000))
    assert gosip.json("status")["running"]
    assert processes(gosip)["sip"]["pid"] == pid
    assert "Traceback" not in (gosip.data / "logs" / "sip.log").read_text()
