"""The whole signalling process on loopback: start, registrations, calls, restart, stop, and what prevents a start."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.control.client import ControlClient
from appliance.control.errors import CallRefused, ControlError
from appliance.operations import configuration, devices
from appliance.operations.context import Appliance, Context
from appliance.secret import Secret
from appliance.settings import Settings
from sip_daemon.flow import TransportAddress
from tests.support.hostile import Stranger
from tests.support.media_worker import WorkerProcess
from tests.support.phones import Phone, PhoneCall
from tests.support.udp_network import UdpNetwork
from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[2]
PASSWORD = "not-a-good-secret"
HOST = "127.0.0.1"
PEOPLE = {"100": "Anna Berg", "200": "Berta Alm"}


def free_port() -> int:
    """A port that is free for UDP and TCP."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind((HOST, 0))
            try:
                tcp.bind((HOST, udp.getsockname()[1]))
            except OSError:
                continue
            return int(udp.getsockname()[1])


class Daemon:
    """`python -m sip_daemon` on a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.environment = {
            "PATH": os.environ["PATH"],
            "GOSIP_DATA_DIR": str(folder),
            "GOSIP_SIP_PORT": str(self.port),
            "GOSIP_BIND_ADDRESS": HOST,
            "GOSIP_SIP_DOMAIN": "pbx.example",
            "GOSIP_MEDIA_WORKERS": "1",
        }
        self.settings = Settings.from_environment(folder, self.environment)
        self.settings.folder.create()
        self.context = Context.of_command_line(Appliance.open(self.settings))
        self.process: subprocess.Popen[str] | None = None

    def add_device(self, number: str) -> None:
        devices.add_device(self.context, number, name=PEOPLE.get(number, number), password=Secret(PASSWORD))

    @property
    def log(self) -> str:
        return (self.settings.folder.logs / "sip.log").read_text()

    def launch(self, **changes: str) -> subprocess.Popen[str]:
        with (self.settings.folder.logs / "sip.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sip_daemon"],
                cwd=ROOT,
                env=self.environment | changes,
                stdout=log,
                stderr=subprocess.PIPE,
                text=True,
            )
        return self.process

    def start(self) -> None:
        """Returns when it answers on its control socket."""
        process = self.launch()
        deadline = time.monotonic() + 20
        while True:
            try:
                self.ask("status")
            except ControlError:
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < deadline, "the daemon does not answer"
                time.sleep(0.01)
            else:
                return

    def ask(self, method: str, **params: Any) -> Any:
        return ControlClient(self.settings.folder.sip_socket).call(method, params)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.settings.folder.database) as connection:
            return connection.execute(query).fetchall()

    def stop(self) -> int:
        """By SIGTERM; the exit code."""
        assert self.process is not None
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
        return process.returncode

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path)
    yield made
    made.kill()


@pytest.fixture
def running(daemon: Daemon) -> Daemon:
    for number in PEOPLE:
        daemon.add_device(number)
    daemon.start()
    return daemon


@pytest.fixture
async def network() -> AsyncIterator[UdpNetwork]:
    made = UdpNetwork()
    yield made
    made.close()


async def make_phone(network: UdpNetwork, daemon: Daemon, number: str) -> Phone:
    """A phone with its account, not registered yet."""
    address = await network.address()
    return Phone(network, number, address, PASSWORD, pbx=TransportAddress(HOST, daemon.port))


async def register(phone: Phone, *, expires: int = 600) -> int:
    """The status of the answer."""
    aor = f"<sip:{phone.username}@pbx.example>"
    headers = [("From", f"{aor};tag=1"), ("To", aor), ("Contact", str(phone.contact)), ("Expires", str(expires))]
    return (await phone.ask("REGISTER", "sip:pbx.example", headers)).status


async def connect(caller: Phone, callee: Phone) -> tuple[PhoneCall, PhoneCall]:
    call = caller.dial(callee.username, host="pbx.example")
    ringing = await callee.incoming()
    ringing.ring()
    await call.response(180)
    ringing.answer()
    await call.response(200)
    await ringing.received("ACK")
    return call, ringing


async def test_two_phones_register_call_and_hang_up(running: Daemon, network: UdpNetwork) -> None:
    with WorkerProcess(running.settings.folder.run):
        anna, berta = await make_phone(network, running, "100"), await make_phone(network, running, "200")
        assert await register(anna) == 200
        assert await register(berta) == 200
        wait_for_media(running)
        call, ringing = await connect(anna, berta)
        (live,) = running.ask("call.list")["calls"]
        assert (live["state"], live["caller"]["name"], live["callee"]["name"]) == ("talking", "Anna Berg", "Berta Alm")
        assert [leg["codec"] for leg in live["legs"]] == ["PCMA/8000", "PCMA/8000"]
        call.hang_up()
        assert (await call.reply()).status == 200
        await ringing.received("BYE")
        assert running.stop() == 0
        assert "100 -> 200 answered 200 (Call over, by caller)" in running.log
        assert running.rows("SELECT caller_number, callee_number, status, ended_by FROM call") == [
            ("100", "200", "answered", "caller")
        ]
        assert running.rows("SELECT side, device, codec FROM call_leg ORDER BY device") == [
            ("caller", "100", "PCMA/8000"),
            ("callee", "200", "PCMA/8000"),
        ]


def wait_for_media(daemon: Daemon) -> None:
    wait_for(lambda: daemon.ask("status")["media"][0]["state"] == "connected", "the media worker to be found")


async def test_the_messages_of_a_call_and_of_a_phone_can_be_looked_at(running: Daemon, network: UdpNetwork) -> None:
    with WorkerProcess(running.settings.folder.run):
        anna, berta = await make_phone(network, running, "100"), await make_phone(network, running, "200")
        assert await register(anna) == 200
        assert await register(berta) == 200
        wait_for_media(running)
        call, ringing = await connect(anna, berta)
        (live,) = running.ask("call.list")["calls"]
        during = seen(running.ask("trace.read", call=live["id"]))
        assert during[0] == "received INVITE"
        assert {"sent INVITE 401", "sent INVITE", "received INVITE 180", "received ACK"} <= set(during)
        call.hang_up()
        assert (await call.reply()).status == 200
        await ringing.received("BYE")
    assert seen(running.ask("trace.read", device="200"))[:4] == [
        "received REGISTER",
        "sent REGISTER 401",
        "received REGISTER",
        "sent REGISTER 200",
    ]
    wait_for(lambda: running.rows("SELECT count(ended_at) FROM call") == [(1,)], "the record to be written")
    call_ids = [row[0] for row in running.rows("SELECT sip_call_id FROM call_leg")]
    afterwards = running.ask("trace.read", call_ids=call_ids)
    assert seen(afterwards)[: len(during)] == during
    assert "received BYE" in seen(afterwards)
    told = str(running.ask("trace.read"))
    assert "response=***" in told
    assert PASSWORD not in told
    ((detail,),) = running.rows("SELECT detail FROM call")
    assert '"Ring 200 Berta Alm on 200 for 30 seconds"' in detail


def seen(answer: dict[str, Any]) -> list[str]:
    return [f"{one['direction']} {one['method']} {one['status'] or ''}".strip() for one in answer["entries"]]


async def test_without_memory_for_it_there_is_no_trace(daemon: Daemon, network: UdpNetwork) -> None:
    daemon.environment["GOSIP_TRACE_MEMORY"] = "0"
    daemon.add_device("100")
    daemon.start()
    assert await register(await make_phone(network, daemon, "100")) == 200
    assert daemon.ask("trace.read")["budget_bytes"] == 0


async def test_without_media_workers_calls_are_told_to_come_back(running: Daemon, network: UdpNetwork) -> None:
    anna = await make_phone(network, running, "100")
    await register(anna)
    final = await anna.dial("*43").final()
    assert (final.status, final.headers.get("Retry-After")) == (503, "10")


async def test_a_device_that_was_just_added_may_register(running: Daemon, network: UdpNetwork) -> None:
    """The operation nudges; nobody waits for the next look."""
    phone = await make_phone(network, running, "300")
    assert await register(phone) == 403
    running.add_device("300")
    assert await register(phone) == 200


async def test_a_removed_device_is_forgotten_at_once(running: Daemon, network: UdpNetwork) -> None:
    phone = await make_phone(network, running, "100")
    await register(phone)
    devices.remove_device(running.context, "100")
    assert running.ask("binding.list")["total"] == 0
    assert await register(phone) == 403


async def test_a_change_is_seen_without_any_nudge(running: Daemon) -> None:
    with sqlite3.connect(running.settings.folder.database) as connection:
        connection.execute("UPDATE extension SET name = 'Cecilie', revision = revision + 100 WHERE number = '100'")
        connection.execute("UPDATE revision SET number = number + 100")

    def found() -> bool:
        plan = running.ask("route.explain", caller="200", dialled="Cecilie")
        return bool(plan["callee"]["number"] == "100")

    wait_for(found, "the new name to be known", seconds=3)


async def test_bindings_survive_a_kill(running: Daemon, network: UdpNetwork) -> None:
    phone = await make_phone(network, running, "100")
    await register(phone)
    wait_for(lambda: running.rows("SELECT 1 FROM binding"), "the binding to be on disk", seconds=1)
    running.kill()
    running.start()
    listed = running.ask("binding.list", usernames=["100"])
    (binding,) = listed["bindings"]
    assert binding["contact"] == str(phone.contact.uri)
    assert binding["reachable"]
    assert 590 <= binding["expires_in"] <= 600


async def test_a_kill_drops_no_call(running: Daemon, network: UdpNetwork) -> None:
    with WorkerProcess(running.settings.folder.run):
        anna, berta = await make_phone(network, running, "100"), await make_phone(network, running, "200")
        await register(anna)
        await register(berta)
        wait_for_media(running)
        call, ringing = await connect(anna, berta)
        wait_for(lambda: running.rows("SELECT 1 FROM call WHERE status = 'talking'"), "the call to be on disk")
        (before,) = running.rows("SELECT id, started_at, answered_at FROM call")
        running.kill()
        running.start()
        (live,) = running.ask("call.list")["calls"]
        assert (live["id"], live["started_at"], live["answered_at"]) == before
        assert live["adopted_at"] == pytest.approx(time.time(), abs=20)
        assert running.rows("SELECT status, ended_at FROM call") == [("talking", None)]
        call.hold()
        assert (await call.reply()).status == 200
        ringing.hang_up()
        assert (await ringing.reply()).status == 200
        await call.received("BYE")
        assert running.stop() == 0
        assert running.rows("SELECT id, started_at, answered_at, status, ended_by FROM call") == [
            (*before, "answered", "callee")
        ]
        assert running.rows("SELECT side, state FROM call_leg ORDER BY side") == [
            ("callee", "answered"),
            ("caller", "answered"),
        ]
        assert running.rows("SELECT kind, severity FROM event") == [("calls-adopted", "info")]


async def test_a_bye_that_is_sent_while_nobody_is_there_ends_the_call_after_the_restart(
    running: Daemon, network: UdpNetwork
) -> None:
    with WorkerProcess(running.settings.folder.run):
        anna = await make_phone(network, running, "100")
        await register(anna)
        wait_for_media(running)
        call = anna.dial("*43")
        await call.response(200)
        running.kill()
        call.hang_up()
        running.start()
        assert (await call.reply()).status == 200
        wait_for(
            lambda: running.rows("SELECT 1 FROM call WHERE status = 'answered' AND ended_by = 'caller'"), "the record"
        )
        wait_for(lambda: running.ask("status")["media"][0]["sessions"] == 0, "the session to be closed")


async def test_a_call_that_rang_at_a_kill_is_closed_and_leaves_no_port_taken(
    running: Daemon, network: UdpNetwork
) -> None:
    with WorkerProcess(running.settings.folder.run):
        anna, berta = await make_phone(network, running, "100"), await make_phone(network, running, "200")
        await register(anna)
        await register(berta)
        wait_for_media(running)
        call = anna.dial("200", host="pbx.example")
        ringing = await berta.incoming()
        ringing.ring()
        await call.response(180)
        wait_for(lambda: running.rows("SELECT 1 FROM call"), "the call to be on disk", seconds=1)
        running.kill()
        running.start()
        assert running.rows("SELECT status, cause, ended_by FROM call") == [("stopped", "system stopped", "system")]
        wait_for(lambda: running.ask("status")["media"][0]["ports_free"] == 200, "the ports of that call to be free")
        ringing.answer()
        await ringing.received("BYE")


async def test_a_hand_over_ends_the_process_and_not_the_calls(running: Daemon, network: UdpNetwork) -> None:
    with WorkerProcess(running.settings.folder.run):
        anna = await make_phone(network, running, "100")
        await register(anna)
        wait_for_media(running)
        call = anna.dial("*44")
        await call.response(200)
        wait_for(lambda: running.rows("SELECT 1 FROM call WHERE status = 'talking'"), "the call to be on disk")
        process = running.process
        assert process is not None
        process.send_signal(signal.SIGUSR2)
        assert process.wait(5) == 0
        assert not [request for request in call.requests if request.method == "BYE"]
        assert running.rows("SELECT status, ended_at FROM call") == [("talking", None)]
        running.start()
        (live,) = running.ask("call.list")["calls"]
        running.ask("call.hangup", id=live["id"])
        await call.received("BYE")
        wait_for(
            lambda: running.rows("SELECT 1 FROM call WHERE status = 'answered' AND ended_by = 'admin'"), "the record"
        )


async def test_a_start_that_fails_leaves_the_calls_to_one_that_succeeds(running: Daemon, network: UdpNetwork) -> None:
    with WorkerProcess(running.settings.folder.run):
        anna = await make_phone(network, running, "100")
        await register(anna)
        wait_for_media(running)
        call = anna.dial("*44")
        await call.response(200)
        wait_for(lambda: running.rows("SELECT 1 FROM call WHERE status = 'talking'"), "the call to be on disk")
        running.kill()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind((HOST, running.port))
            refused_start(running)
        running.start()
        assert len(running.ask("call.list")["calls"]) == 1
        call.hang_up()
        assert (await call.reply()).status == 200


async def test_three_hundred_calls_are_taken_up_within_a_second(running: Daemon, network: UdpNetwork) -> None:
    """By CPU time, twice that is allowed: reading all of them, and owning their sessions."""
    with WorkerProcess(running.settings.folder.run, ports="40000-41999"):
        anna = await make_phone(network, running, "100")
        await register(anna)
        wait_for_media(running)
        calls = [anna.dial("*43") for _ in range(300)]
        for call in calls:
            await call.response(200)
        wait_for(lambda: running.ask("status")["counts"]["calls"] == 300, "the calls")
        running.kill()
        running.start()
        assert running.ask("status")["counts"]["calls"] == 300
        assert await register(anna) == 200
        assert running.process is not None
        assert cpu_seconds(running.process.pid) < 2 + 1.0


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_stopping_ends_live_calls_and_records_them(running: Daemon, network: UdpNetwork) -> None:
    with WorkerProcess(running.settings.folder.run):
        anna = await make_phone(network, running, "100")
        await register(anna)
        wait_for_media(running)
        call = anna.dial("*44")
        await call.response(200)
        assert running.process is not None
        process = running.process
        process.send_signal(signal.SIGTERM)
        before = time.monotonic()
        await call.received("BYE")
        assert process.wait(5) == 0
        assert time.monotonic() - before < 5
        assert running.rows("SELECT status, ended_by FROM call") == [("stopped", "system")]


async def test_options_need_no_account(running: Daemon, network: UdpNetwork) -> None:
    phone = await make_phone(network, running, "900")
    assert (await phone.ask("OPTIONS", f"sip:{HOST}:{running.port}")).status == 200


def test_the_start_takes_less_than_half_a_second(daemon: Daemon) -> None:
    """From the start of the process to the first answer, in time of the processor: others may be busy on it."""
    daemon.start()
    daemon.kill()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    daemon.start()
    daemon.kill()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5 * 1.5


def test_the_control_socket_tells_the_state(running: Daemon) -> None:
    status = running.ask("status")
    assert {listener["transport"] for listener in status["listeners"]} == {"UDP", "TCP"}
    assert status["counts"]["calls"] == 0
    assert status["store"] == {"backlog": 0, "last_error": None}
    assert running.ask("trace.level", level="debug") == {}
    revision = running.ask("nudge")["revision"]
    assert revision >= 2


def test_questions_that_make_no_sense_are_refused(running: Daemon) -> None:
    for method, params in (
        ("call.hangup", {"id": "nobody"}),
        ("call.hangup", {}),
        ("route.explain", {"caller": "nobody", "dialled": "100"}),
        ("binding.list", {"limit": -1}),
        ("trace.level", {"level": "loud"}),
        ("no.such", {}),
    ):
        with pytest.raises(CallRefused):
            running.ask(method, **params)


def refused_start(daemon: Daemon, **changes: str) -> str:
    """What it says on standard error."""
    process = daemon.launch(**changes)
    _, errors = process.communicate(timeout=20)
    daemon.process = None
    assert process.returncode == 1
    assert "Traceback" not in errors
    return errors


def test_a_port_that_is_taken_prevents_the_start(daemon: Daemon) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, daemon.port))
        errors = refused_start(daemon)
    assert f"{HOST}:{daemon.port}" in errors
    assert "another program uses this port" in errors


def test_a_setting_that_is_not_allowed_prevents_the_start(daemon: Daemon) -> None:
    assert "GOSIP_SIP_PORT" in refused_start(daemon, GOSIP_SIP_PORT="ninety")


def test_a_second_daemon_on_the_same_folder_does_not_start(running: Daemon) -> None:
    first = running.process
    errors = refused_start(running, GOSIP_SIP_PORT=str(free_port()))
    running.process = first
    assert "sip.sock" in errors or "running" in errors


def test_a_database_of_a_newer_version_prevents_the_start(daemon: Daemon) -> None:
    with sqlite3.connect(daemon.settings.folder.database) as connection:
        connection.execute("INSERT INTO migration (number, name, applied_at) VALUES (9999, 'future', 0)")
    assert "newer" in refused_start(daemon)


async def test_a_guesser_is_banned_over_a_restart_and_a_phone_goes_on(daemon: Daemon, network: UdpNetwork) -> None:
    daemon.environment["GOSIP_NEVER_BAN"] = "none"
    daemon.add_device("100")
    daemon.start()
    anna = await make_phone(network, daemon, "100")
    assert await register(anna) == 200
    with Stranger(daemon.port) as stranger:
        assert [stranger.guess("100", f"guess{number}") for number in range(10)] == [403] * 10
        assert stranger.guess("100", PASSWORD, patience=0.3) is None, "the right one comes too late"
        assert not stranger.connects()
        (ban,) = daemon.ask("ban.list")["bans"]
        assert (ban["source"], ban["state"], ban["reason"]) == ("127.0.0.66", "banned", "wrong-credentials")
        assert ban["blocked"] == 2
        assert await register(anna) == 200
        assert daemon.stop() == 0
        daemon.start()
        assert stranger.guess("100", PASSWORD, patience=0.3) is None
        assert await register(anna) == 200
        assert daemon.ask("ban.remove", source="127.0.0.66") == {"source": "127.0.0.66"}
        assert stranger.guess("100", PASSWORD) == 200
    assert daemon.stop() == 0
    assert daemon.rows("SELECT count(*) FROM ban") == [(0,)]
    assert daemon.rows("SELECT kind FROM event") == [("source-banned",)]


async def test_whom_never_to_ban_is_changed_while_it_runs(daemon: Daemon) -> None:
    daemon.environment["GOSIP_BAN_AFTER"] = "2"
    daemon.add_device("100")
    configuration.set_setting(daemon.context, "never_ban", "none")
    daemon.start()
    with Stranger(daemon.port) as stranger:
        assert [stranger.guess("100", "guess") for _ in range(2)] == [403, 403]
        assert daemon.ask("status")["defence"] == {"banned": 1, "muted": 0, "slowed": 0}
        configuration.set_setting(daemon.context, "never_ban", "127.0.0.0/8")
        daemon.ask("nudge")
        assert daemon.ask("status")["defence"] == {"banned": 0, "muted": 0, "slowed": 0}
        assert stranger.guess("100", PASSWORD) == 200
