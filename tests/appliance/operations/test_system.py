"""Settings, events, audit, live calls and lost keys."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from appliance.control.aio import ControlServer
from appliance.control.errors import CallRefused, NotReachable
from appliance.database.models import Audit, Config, Device, Event, User
from appliance.errors import Conflict, Forbidden, Invalid, KeyUnusable, NotFound, WrongKey
from appliance.operations import audit, configuration, devices, events, keys, live
from appliance.operations.context import Appliance
from appliance.operations.extensions import add_extension
from appliance.secretbox import Purpose
from appliance.settings import Source, record_environment
from tests.support.appliance import Office


def call(identity: str, caller: str, callee: str) -> dict[str, Any]:
    return {"id": identity, "caller": {"number": caller}, "callee": {"number": callee}}


class FakeDaemon:
    """Answers on `sip.sock` in a thread of its own, and remembers what it was told."""

    def __init__(self, office: Office) -> None:
        self.nudges: list[dict[str, Any]] = []
        self.calls = {"a": call("a", "201", "202"), "b": call("b", "203", "204")}
        self.bindings = [{"username": str(index), "extension": str(index)} for index in range(2500)]
        methods = {
            "nudge": self.nudge,
            "call.list": self.list_calls,
            "call.hangup": self.hang_up,
            "binding.list": self.list_bindings,
        }
        self.loop = asyncio.new_event_loop()
        self.server = ControlServer(office.appliance.folder.sip_socket, "sip", methods)
        self.loop.run_until_complete(self.server.start())
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def nudge(self, params: dict[str, Any]) -> dict[str, Any]:
        self.nudges.append(params)
        return params

    def hang_up(self, params: dict[str, Any]) -> dict[str, Any]:
        if self.calls.pop(params["id"], None) is None:
            raise CallRefused(404, "no such call")
        return {}

    def list_calls(self, params: dict[str, Any]) -> dict[str, Any]:
        start, calls = params["offset"], list(self.calls.values())
        return {"total": len(calls), "calls": calls[start : start + params["limit"]]}

    def list_bindings(self, params: dict[str, Any]) -> dict[str, Any]:
        start = params["offset"]
        return {"total": len(self.bindings), "bindings": self.bindings[start : start + params["limit"]]}

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.close(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()


@pytest.fixture
def daemon(office: Office) -> Iterator[FakeDaemon]:
    daemon = FakeDaemon(office)
    yield daemon
    daemon.stop()


def test_a_configuration_change_nudges_the_daemon_with_its_revision(office: Office, daemon: FakeDaemon) -> None:
    devices.add_device(office.console, "201")
    devices.add_device(office.console, "202")
    assert daemon.nudges == [{"revision": 1}, {"revision": 2}]


def test_a_refused_change_nudges_nobody(office: Office, daemon: FakeDaemon) -> None:
    with pytest.raises(Invalid):
        devices.add_device(office.console, "x")
    assert daemon.nudges == []


def test_a_change_does_not_need_the_daemon(office: Office) -> None:
    assert devices.add_device(office.console, "201").device.number == "201"


def test_all_bindings_are_fetched_however_many_there_are(office: Office, daemon: FakeDaemon) -> None:
    assert len(live.live_bindings(office.console)) == 2500


def test_all_calls_are_fetched_however_many_there_are(office: Office, daemon: FakeDaemon) -> None:
    daemon.calls = {str(index): call(str(index), "201", "202") for index in range(1500)}
    assert len(live.live_calls(office.console)) == 1500


def test_a_user_sees_and_ends_only_the_own_calls(office: Office, daemon: FakeDaemon) -> None:
    ada = office.person("ada")
    add_extension(office.console, "202", owner_id=ada.actor.user_id)
    assert [entry["id"] for entry in live.live_calls(ada)] == ["a"]
    assert [entry["username"] for entry in live.live_bindings(ada)] == ["202"]
    with pytest.raises(NotFound):
        live.hang_up(ada, "b")
    live.hang_up(ada, "a")
    assert list(daemon.calls) == ["b"]


def test_ending_a_call_leaves_an_audit_row(office: Office, daemon: FakeDaemon) -> None:
    live.hang_up(office.console, "a")
    assert [(row.action, row.subject) for row in Audit.select()] == [("call.hangup", "a")]
    with pytest.raises(NotFound, match="ended already"):
        live.hang_up(office.console, "a")


def test_live_questions_say_when_nothing_runs(office: Office) -> None:
    with pytest.raises(NotReachable):
        live.live_calls(office.console)


def test_a_stored_setting_shows_its_value_and_source(office: Office) -> None:
    view = configuration.set_setting(office.console, "sip_port", "5070")
    assert (view.value, view.source) == ("5070", Source.DATABASE)
    assert Config.get().sip_port == 5070
    assert configuration.set_setting(office.console, "GOSIP_SIP_PORT", None).source == Source.DEFAULT


def test_a_setting_that_the_environment_decides_is_not_stored(office: Office) -> None:
    record_environment(
        office.appliance.folder, Office.at(office.appliance.folder.path, GOSIP_SIP_PORT="5080").appliance.settings
    )
    with pytest.raises(Conflict, match="GOSIP_SIP_PORT"):
        configuration.set_setting(office.console, "sip_port", "5070")
    view = configuration.get_setting(office.console, "sip_port")
    assert (view.value, view.source) == ("5080", Source.ENVIRONMENT)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("sip_port", "many", "from 1 to 65535"),
        ("log_level", "loud", "debug, info"),
        ("database_url", "sqlite:", "variable GOSIP_DATABASE_URL only"),
        ("srtp_enabled", "true", "does not have yet"),
    ],
)
def test_a_value_that_cannot_be_stored_is_said_in_words(office: Office, name: str, value: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        configuration.set_setting(office.console, name, value)
    assert Audit.select().count() == 0


def test_several_settings_are_stored_together_or_not_at_all(office: Office) -> None:
    with pytest.raises(Invalid) as refused:
        configuration.set_settings(office.console, {"sip_port": "5070", "log_level": "loud", "http_port": "many"})
    assert set(refused.value.details) == {"log_level", "http_port"}
    assert (Config.get().sip_port, Audit.select().count()) == (None, 0)
    views = configuration.set_settings(office.console, {"sip_port": "5070", "log_level": "debug"})
    assert [(view.name, view.value) for view in views] == [("sip_port", "5070"), ("log_level", "debug")]
    assert [row.subject for row in Audit.select()] == ["sip_port", "log_level"]


def test_an_unknown_setting_is_not_found(office: Office) -> None:
    with pytest.raises(NotFound, match="config show"):
        configuration.set_setting(office.console, "nonsense", "1")


def test_only_what_works_is_listed(office: Office) -> None:
    names = {view.name for view in configuration.list_settings(office.console)}
    assert "sip_port" in names
    assert "srtp_enabled" not in names


def test_settings_are_for_administrators(office: Office) -> None:
    ada = office.person("ada")
    with pytest.raises(Forbidden):
        configuration.list_settings(ada)
    with pytest.raises(Forbidden):
        configuration.set_setting(ada, "sip_port", "5070")


def test_the_audit_says_who_what_and_from_where(office: Office) -> None:
    devices.add_device(office.admin(), "201")
    (row,) = audit.list_audit(office.console).rows
    assert (row.actor, row.source, row.action, row.subject) == ("admin", "192.0.2.10", "device.add", "201")
    assert row.at == office.clock()
    assert audit.list_audit(office.console, actor="somebody").total == 0
    with pytest.raises(Forbidden):
        audit.list_audit(office.person("ada"))


def test_events_are_recorded_by_file_and_listed_newest_first(office: Office) -> None:
    for kind in ("first", "second"):
        events.record_event(
            office.appliance.folder.database, severity="error", source="watchdog", kind=kind, message="It ended."
        )
    assert [row.kind for row in events.list_events(office.console).rows] == ["second", "first"]
    assert events.list_events(office.console, severity="info").total == 0
    assert Event.get().detail == {}


def test_a_lost_key_is_replaced_and_the_losses_are_named(office: Office) -> None:
    devices.add_device(office.console, "201")
    office.person("ada")
    User.update(totp_sealed=b"sealed").execute()
    office.appliance.folder.secret_key.unlink()
    with pytest.raises(KeyUnusable):
        devices.add_device(office.console, "202")
    with pytest.raises(KeyUnusable, match="gosip key new"):
        Appliance.open(office.appliance.settings)
    loss = keys.replace_lost_key(office.appliance.settings)
    assert (loss.devices, loss.second_factors, loss.service_secrets) == (1, ("ada",), 0)
    assert User.get().totp_sealed is None
    with pytest.raises(WrongKey, match="another key"):
        devices.reveal_password(office.appliance, Device.get())
    assert devices.add_device(office.console, "202").device.number == "202"


def test_a_good_key_is_never_replaced(office: Office) -> None:
    before = office.appliance.folder.secret_key.read_bytes()
    with pytest.raises(Conflict, match="is good"):
        keys.replace_lost_key(office.appliance.settings)
    assert office.appliance.folder.secret_key.read_bytes() == before


def test_what_one_purpose_sealed_another_does_not_open(office: Office) -> None:
    devices.add_device(office.console, "201")
    box = office.appliance.box(Purpose.SERVICE)
    with pytest.raises(WrongKey):
        box.open(devices.PASSWORD_FIELD, Device.get().sealed_password)
