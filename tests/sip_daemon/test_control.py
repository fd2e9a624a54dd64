"""The form of what is asked and answered on the daemon's control socket."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from appliance.control.aio import AsyncControlClient
from appliance.control.errors import CONFLICT, INVALID_PARAMS, NOT_FOUND, CallRefused
from sip_daemon.control import LEVELS, MAX_BINDINGS, MAX_TRACE_ENTRIES, TraceRequest, make_server, methods
from sip_daemon.errors import SipError


class Pretended:
    """A live system with 2,500 bindings and one call."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.certificate_trouble = ""

    def status(self) -> dict[str, Any]:
        return {"version": "1"}

    def revisions(self) -> dict[str, Any]:
        return {"started_at": 1.0, "bindings": 7, "calls": 8, "listeners": 1, "bans": 3}

    def bindings(self, usernames: Sequence[str] | None, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        self.asked.append((usernames, offset, limit))
        return 2500, [{"username": str(number)} for number in range(offset, min(offset + limit, 2500))]

    async def calls(self, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        return 2, [{"id": "one"}, {"id": "two"}][offset : offset + limit]

    async def quality(self, call_id: str) -> dict[str, Any] | None:
        return {"legs": []} if call_id == "one" else None

    def hang_up(self, call_id: str) -> bool:
        return call_id == "one"

    def explain(self, caller: str, dialled: str) -> dict[str, Any] | None:
        return {"text": [f"{caller} dials {dialled}"]} if caller == "100" else None

    async def read_trace(self, wanted: TraceRequest) -> dict[str, Any]:
        self.asked.append(wanted)
        return {"entries": []}

    def bans(self, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        return 1, [{"source": "192.0.2.1"}][offset : offset + limit]

    def ban(self, source: str, seconds: float | None, note: str, *, force: bool) -> dict[str, Any]:
        if not force:
            raise SipError("a phone is there")
        return {"source": source, "seconds": seconds, "note": note}

    def unban(self, source: str) -> str:
        if source != "192.0.2.1":
            raise SipError("not banned")
        return source

    async def reload_tls(self) -> dict[str, Any]:
        if self.certificate_trouble:
            raise SipError(self.certificate_trouble)
        return {"certificates": {}}

    def tls_status(self) -> dict[str, Any]:
        return {"enabled": True}

    async def refresh(self) -> int:
        return 42

    def set_log_level(self, level: str) -> None:
        self.asked.append(level)


async def ask(method: str, system: Pretended | None = None, **params: Any) -> Any:
    result = methods(system or Pretended())[method](params)
    return await result if inspect.isawaitable(result) else result


async def test_bindings_come_in_portions() -> None:
    answer = await ask("binding.list", offset=2400)
    assert (answer["total"], answer["revision"], len(answer["bindings"])) == (2500, 7, 100)
    assert len((await ask("binding.list", limit=100_000))["bindings"]) == MAX_BINDINGS


async def test_bindings_of_some_devices_can_be_asked_for() -> None:
    system = Pretended()
    await ask("binding.list", system, usernames=["100", "200"], limit=5)
    assert system.asked == [(["100", "200"], 0, 5)]


async def test_calls_come_with_the_revision_they_are_of() -> None:
    assert await ask("call.list") == {"total": 2, "revision": 8, "calls": [{"id": "one"}, {"id": "two"}]}


async def test_calls_can_be_asked_for_in_portions() -> None:
    assert await ask("call.list", offset=1, limit=1) == {"total": 2, "revision": 8, "calls": [{"id": "two"}]}


async def test_a_call_is_hung_up_once() -> None:
    assert await ask("call.hangup", id="one") == {}
    with pytest.raises(CallRefused) as refusal:
        await ask("call.hangup", id="two")
    assert refusal.value.code == NOT_FOUND


async def test_the_quality_of_a_live_call_is_told_and_of_another_is_not() -> None:
    assert await ask("call.quality", id="one") == {"legs": []}
    with pytest.raises(CallRefused) as refusal:
        await ask("call.quality", id="two")
    assert refusal.value.code == NOT_FOUND


async def test_bans_are_listed_made_and_ended() -> None:
    assert await ask("ban.list") == {"total": 1, "revision": 3, "bans": [{"source": "192.0.2.1"}]}
    made = await ask("ban.add", source="192.0.2.9", seconds=60, note="x" * 500, force=True)
    assert made == {"source": "192.0.2.9", "seconds": 60, "note": "x" * 200}
    assert await ask("ban.remove", source="192.0.2.1") == {"source": "192.0.2.1"}


async def test_a_ban_that_is_refused_says_why() -> None:
    with pytest.raises(CallRefused, match="a phone is there") as refusal:
        await ask("ban.add", source="192.0.2.9")
    assert refusal.value.code == CONFLICT
    with pytest.raises(CallRefused) as refusal:
        await ask("ban.remove", source="192.0.2.9")
    assert refusal.value.code == NOT_FOUND
    with pytest.raises(CallRefused) as refusal:
        await ask("ban.add", source="192.0.2.9", seconds=10**10)
    assert refusal.value.code == INVALID_PARAMS


async def test_a_plan_is_explained_for_a_caller_that_exists() -> None:
    assert (await ask("route.explain", caller="100", dialled="200"))["text"] == ["100 dials 200"]
    with pytest.raises(CallRefused) as refusal:
        await ask("route.explain", caller="nobody", dialled="200")
    assert refusal.value.code == NOT_FOUND


async def test_a_nudge_is_answered_when_the_configuration_is_current() -> None:
    assert await ask("nudge", revision=41) == {"revision": 42}


@pytest.mark.parametrize("level", LEVELS)
async def test_the_log_level_can_be_changed(level: str) -> None:
    system = Pretended()
    assert await ask("trace.level", system, level=level) == {}
    assert system.asked == [level]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("call.hangup", {}),
        ("call.quality", {}),
        ("call.hangup", {"id": 5}),
        ("binding.list", {"usernames": "100"}),
        ("binding.list", {"usernames": [1]}),
        ("binding.list", {"offset": -1}),
        ("binding.list", {"limit": True}),
        ("route.explain", {"caller": "100"}),
        ("trace.level", {"level": "loud"}),
    ],
)
async def test_wrong_parameters_are_named(method: str, params: dict[str, Any]) -> None:
    with pytest.raises(CallRefused) as refusal:
        await ask(method, **params)
    assert refusal.value.code == INVALID_PARAMS
    assert "`" in str(refusal.value)


async def test_it_all_works_over_a_socket(tmp_path: Path) -> None:
    server = make_server(tmp_path / "sip.sock", Pretended())
    await server.start()
    client = await AsyncControlClient.connect(tmp_path / "sip.sock")
    try:
        assert client.greeting.program == "sip"
        assert await client.call("status") == {"version": "1"}
        assert (await client.call("live.revision"))["calls"] == 8
    finally:
        await client.close()
        await server.close()


def test_the_page_of_interfaces_lists_every_method() -> None:
    page = (Path(__file__).parents[2] / "docs/developer/interfaces.md").read_text()
    assert [name for name in methods(Pretended()) if f"`{name}`" not in page] == []


async def test_a_trace_is_asked_for_by_device_call_or_address() -> None:
    system = Pretended()
    await ask("trace.read", system, device="201", after=7, limit=100_000)
    await ask("trace.read", system, call="c", call_ids=["a@b"])
    await ask("trace.read", system, strangers=True)
    assert system.asked == [
        TraceRequest("201", None, None, None, strangers=False, after=7, limit=MAX_TRACE_ENTRIES),
        TraceRequest(None, "c", ["a@b"], None, strangers=False, after=0, limit=MAX_TRACE_ENTRIES),
        TraceRequest(None, None, None, None, strangers=True, after=0, limit=MAX_TRACE_ENTRIES),
    ]


@pytest.mark.parametrize(
    "params", [{"device": 201}, {"device": "201", "source": "192.0.2.7"}, {"call_ids": "a"}, {"after": -1}]
)
async def test_a_trace_of_two_things_at_once_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(CallRefused) as refused:
        await ask("trace.read", **params)
    assert refused.value.code == INVALID_PARAMS


async def test_certificates_are_taken_up_or_refused_with_the_reason() -> None:
    system = Pretended()
    assert await ask("tls.reload", system) == {"certificates": {}}
    system.certificate_trouble = "The key does not belong to the certificate."
    with pytest.raises(CallRefused, match="The key does not belong") as refused:
        await ask("tls.reload", system)
    assert refused.value.code == CONFLICT
    assert await ask("tls.status", system) == {"enabled": True}
