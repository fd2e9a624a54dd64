"""Conditional polling of live parts."""

from __future__ import annotations

from flask import Flask, Response

from flask_admin_ui import fragments
from flask_admin_ui.fragments import KEEP_SECONDS, FragmentCache


class ManualClock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_renders_once_a_second_for_all_viewers() -> None:
    clock, rendered = ManualClock(), []
    cache = FragmentCache(clock)
    for _ in range(200):
        cache.get(("/", "admin"), lambda: rendered.append(1) or "body")  # type: ignore[func-returns-value]
    assert len(rendered) == 1
    clock.now += KEEP_SECONDS
    cache.get(("/", "admin"), lambda: rendered.append(1) or "body")  # type: ignore[func-returns-value]
    assert len(rendered) == 2


def test_viewers_of_another_scope_get_their_own() -> None:
    cache = FragmentCache(ManualClock())
    assert cache.get(("/", "admin"), lambda: "all").body == "all"
    assert cache.get(("/", "user 7"), lambda: "own").body == "own"


def test_many_addresses_do_not_fill_the_memory() -> None:
    clock = ManualClock()
    cache = FragmentCache(clock)
    for number in range(fragments.MAX_ENTRIES * 3):
        cache.get((str(number),), lambda: "body")
        clock.now += KEEP_SECONDS
    assert len(cache._entries) <= fragments.MAX_ENTRIES


def make_app(bodies: list[str], clock: ManualClock) -> Flask:
    app = Flask("fragments")
    cache = FragmentCache(clock)

    @app.get("/live")
    def live() -> Response:
        return fragments.respond(cache, "admin", lambda: bodies[-1], timezone="UTC")

    return app


def test_whoever_has_it_already_gets_304_without_a_body() -> None:
    client = make_app(["<p>1 call</p>"], ManualClock()).test_client()
    first = client.get("/live")
    again = client.get("/live", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_change_is_sent() -> None:
    bodies = ["<p>1 call</p>"]
    clock = ManualClock()
    client = make_app(bodies, clock).test_client()
    etag = client.get("/live").headers["ETag"]
    bodies.append("<p>2 calls</p>")
    clock.now += KEEP_SECONDS
    changed = client.get("/live", headers={"If-None-Match": etag})
    assert (changed.status_code, changed.text) == (200, "<p>2 calls</p>")
