"""The store against a real database file."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.database.migrate import migrate
from sip_daemon.call.record import CallEnded, CallRecord, CallStarted, CallStatus, CallUpdated, LegRecord, Side
from sip_daemon.directory import Directory
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.registrar import BindingChange, BindingEvent
from sip_daemon.store import Event, Store, StoreLimits
from tests.support.bindings import binding, udp

QUICK = StoreLimits(gather_seconds=0.002, retry_seconds=0.01, max_retry_seconds=0.02, close_seconds=0.3, busy_ms=10)
NOW, WALL = 1000.0, 1_700_000_000.0
LEG = LegRecord(Side.CALLER, "1001", "1001", "UDP", "192.0.2.10:5060", "Phone", "abc", "answered", codec="PCMA/8000")
RECORD = CallRecord("c1", WALL, "1001", "Ada", "1001", "1002", detail={"ringing_ms": 12}, legs=(LEG,))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "gosip.sqlite3"
    migrate(file)
    return file


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = make_store(path)
    opened.start()
    yield opened
    opened.close()


def make_store(path: Path, limits: StoreLimits = QUICK) -> Store:
    return Store(path, limits, clock=lambda: NOW, wall_clock=lambda: WALL)


def execute(path: Path, *statements: str) -> None:
    """What another process does."""
    with closing(sqlite3.connect(path, timeout=5)) as connection, connection:
        connection.executescript(";".join(statements))


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path, timeout=5)) as connection:
        return connection.execute(query).fetchall()


def bump(path: Path, *statements: str) -> None:
    """A configuration operation: :r in the statements is the new revision."""
    number = int(str(rows(path, "SELECT number FROM revision")[0][0])) + 1
    changes = [statement.replace(":r", str(number)) for statement in statements]
    execute(path, *changes, f"UPDATE revision SET number = {number}")


def extension(number: str, row: int, name: str = "") -> str:
    return f"INSERT INTO extension (id, number, name, created_at, revision) VALUES ({row}, '{number}', '{name}', 0, :r)"


def device(username: str, row: int, extension_row: int, enabled: int = 1) -> str:
    return (
        "INSERT INTO device (id, extension_id, username, ha1_md5, ha1_sha256, sealed_password, enabled, created_at,"
        f" changed_at, revision) VALUES ({row}, {extension_row}, '{username}', 'm{row}', 's{row}', x'00', {enabled},"
        " 0, 0, :r)"
    )


def registered(
    username: str = "1001", event: BindingEvent = BindingEvent.REGISTERED, **values: object
) -> BindingChange:
    return BindingChange(event, binding(username, **values), WALL + 3600)  # type: ignore[arg-type]


def changed(store: Store) -> Directory | None:
    return store.changed().result(5)


# Bindings


def test_a_binding_is_on_disk_within_100_ms(path: Path) -> None:
    store = Store(path)
    store.start()
    try:
        started = time.monotonic()
        store.submit(registered())
        assert store.flush(5)
        assert time.monotonic() - started < 0.1
        assert rows(path, "SELECT username, contact_key, expires_at FROM binding") == [
            ("1001", "sip:1001@192.0.2.10:5060", WALL + 3600)
        ]
    finally:
        store.close()


@pytest.mark.parametrize(
    "flow",
    [udp(), Flow(TransportProtocol.UDP, TransportAddress("2001:db8::1", 5060), TransportAddress("fe80::2", 1024))],
)
def test_a_binding_comes_back_in_monotonic_time_after_a_restart(store: Store, path: Path, flow: Flow) -> None:
    given = binding(flow=flow, expires_at=NOW + 3600, instance="<urn:uuid:x>", reg_id=2, q=0.5)
    store.submit(BindingChange(BindingEvent.REGISTERED, given, WALL + 3600))
    store.close()
    again = make_store(path)
    _, bindings = again.start()
    again.close()
    assert bindings == (given,)


def test_a_refresh_changes_the_row_and_a_removal_deletes_it(store: Store, path: Path) -> None:
    store.submit(registered())
    store.flush()
    store.submit(registered(event=BindingEvent.REFRESHED, cseq=9))
    store.flush()
    assert rows(path, "SELECT cseq FROM binding") == [(9,)]
    store.submit(registered(event=BindingEvent.EXPIRED))
    store.flush()
    assert rows(path, "SELECT cseq FROM binding") == []


def test_expired_and_unreadable_rows_are_passed_over_at_the_start(store: Store, path: Path) -> None:
    store.submit(registered("1001"))
    store.submit(BindingChange(BindingEvent.REGISTERED, binding("1002"), WALL - 1))
    store.submit(registered("1003"))
    store.close()
    execute(path, "UPDATE binding SET remote = 'nonsense' WHERE username = '1003'")
    again = make_store(path)
    _, bindings = again.start()
    again.close()
    assert [one.username for one in bindings] == ["1001"]
    assert ("1002",) not in rows(path, "SELECT username FROM binding")


# Calls and events


def test_a_call_is_one_row_from_start_to_end_and_its_legs_come_at_the_end(store: Store, path: Path) -> None:
    store.submit(CallStarted(RECORD))
    store.flush()
    assert rows(path, "SELECT status, detail FROM call") == [("ringing", '{"ringing_ms":12}')]
    assert rows(path, "SELECT id FROM call_leg") == []
    store.submit(CallUpdated(replace(RECORD, status=CallStatus.TALKING, answered_at=WALL + 5)))
    store.flush()
    ended = replace(RECORD, status=CallStatus.ANSWERED, answered_at=WALL + 5, ended_at=WALL + 65, ended_by="caller")
    for _ in range(2):
        store.submit(CallEnded(ended))
        store.flush()
    assert rows(path, "SELECT id, status, ended_at - answered_at, ended_by FROM call") == [
        ("c1", "answered", 60.0, "caller")
    ]
    assert rows(path, "SELECT call_id, side, device, codec, media_secure FROM call_leg") == [
        ("c1", "caller", "1001", "PCMA/8000", 0)
    ]


def test_calls_that_did_not_survive_are_closed_at_the_next_start(store: Store, path: Path) -> None:
    store.submit(CallStarted(RECORD))
    store.submit(CallStarted(replace(RECORD, id="survivor")))
    store.close()
    again = make_store(path)
    again.start()
    assert again.close_open_calls({"survivor"}).result() == 1
    again.close()
    assert rows(path, "SELECT status, cause, ended_by, ended_at FROM call ORDER BY id") == [
        ("stopped", "system stopped", "system", WALL),
        ("ringing", "", "", None),
    ]


def test_a_call_that_is_taken_up_late_is_open_again(store: Store, path: Path) -> None:
    """Its media worker was found only after the records had been closed."""
    talking = replace(RECORD, status=CallStatus.TALKING, answered_at=WALL + 5)
    store.submit(CallUpdated(talking))
    store.flush()
    store.close_open_calls(()).result()
    store.submit(CallUpdated(talking))
    store.flush()
    assert rows(path, "SELECT status, cause, ended_by, ended_at FROM call") == [("talking", "", "", None)]


def test_events_are_stored(store: Store, path: Path) -> None:
    store.submit(Event("listener-failed", "Port 5060 is taken.", "error", at=WALL, detail={"port": 5060}))
    store.flush()
    assert rows(path, "SELECT at, severity, source, kind, message, detail FROM event") == [
        (WALL, "error", "sip", "listener-failed", "Port 5060 is taken.", '{"port":5060}')
    ]


# Trouble


def test_a_locked_database_stops_neither_the_caller_nor_loses_anything(path: Path, tmp_path: Path) -> None:
    store = make_store(path)
    store.start()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        for number in range(500):
            store.submit(registered(f"d{number}"))
            store.submit(CallEnded(replace(RECORD, id=f"c{number}")))
        assert time.monotonic() - started < 0.2
        assert store.backlog == 1000
        other.execute("ROLLBACK")
    assert store.flush(10)
    store.close()
    assert rows(path, "SELECT count(*) FROM binding") == [(500,)]
    assert rows(path, "SELECT count(*) FROM call") == [(500,)]


def test_configuration_is_read_while_another_process_holds_the_write_lock(store: Store, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.submit(registered())
        assert store.load_directory().result(2).realm
        assert store.backlog == 1
        other.execute("ROLLBACK")


def test_a_full_disk_is_reported_and_everything_is_written_once_there_is_room(store: Store, path: Path) -> None:
    def limit(pages: int) -> None:
        store.ask(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()).result(5)

    pages = int(str(rows(path, "PRAGMA page_count")[0][0]))
    limit(pages)
    for number in range(3000):
        store.submit(registered(f"d{number}"))
    store.submit(CallEnded(RECORD))
    deadline = time.monotonic() + 5
    while store.last_error is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert "disk is full" in (store.last_error or "")
    assert store.load_directory().result(5).realm  # reading goes on
    limit(100_000)
    assert store.flush(5)
    assert store.last_error is None
    assert rows(path, "SELECT count(*) FROM binding") == [(3000,)]
    assert rows(path, "SELECT count(*) FROM call") == [(1,)]


def test_a_change_that_no_table_takes_does_not_hold_up_the_others(store: Store, path: Path) -> None:
    store.submit(registered("good"))
    store.submit(registered("bad", cseq=2**70))
    store.submit(registered("\ud800"))
    assert store.flush(5)
    assert rows(path, "SELECT username FROM binding") == [("good",)]


def test_close_writes_what_was_submitted_just_before(path: Path) -> None:
    store = make_store(path)
    store.start()
    store.submit(CallEnded(RECORD))
    store.close()
    assert rows(path, "SELECT count(*) FROM call") == [(1,)]


def test_close_gives_up_after_its_time_and_says_how_much_was_not_written(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = make_store(path)
    store.start()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.submit(CallEnded(RECORD))
        store.close()
    assert "1 changes could not be stored" in caplog.text


def test_a_database_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    broken = tmp_path / "gosip.sqlite3"
    broken.write_bytes(b"this is no database" * 100)
    store = make_store(broken)
    with pytest.raises(Exception, match="no database"):
        store.start()
    store.close()


def test_changes_from_several_threads_all_arrive(store: Store, path: Path) -> None:
    def submit(part: int) -> None:
        for number in range(100):
            store.submit(registered(f"{part}-{number}"))

    threads = [threading.Thread(target=submit, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.flush(5)
    assert rows(path, "SELECT count(*) FROM binding") == [(400,)]


# The directory


def test_an_empty_database_gives_an_empty_directory(path: Path) -> None:
    store = make_store(path)
    directory, bindings = store.start()
    store.close()
    assert (dict(directory.devices), dict(directory.extensions), bindings) == ({}, {}, ())


def test_the_directory_holds_extensions_with_their_enabled_devices(store: Store, path: Path) -> None:
    bump(path, extension("100", 1, "Ada Lovelace"), device("100", 1, 1), device("100b", 2, 1), device("off", 3, 1, 0))
    execute(path, "UPDATE config SET realm = 'r', sip_domain = 'PBX.example.com', external_ip = '203.0.113.5'")
    directory = store.load_directory().result(5)
    assert (directory.realm, directory.domains) == ("r", frozenset({"pbx.example.com", "203.0.113.5"}))
    found = directory.extension("ada lovelace")
    assert found is not None
    assert (found.number, found.devices) == ("100", ("100", "100b"))
    ada = directory.device("100b")
    assert ada is not None
    assert (ada.extension, ada.ha1_md5, ada.ha1_sha256) == ("100", "m2", "s2")
    assert directory.device("off") is None


def test_nothing_new_is_no_directory(store: Store) -> None:
    assert changed(store) is None


def test_a_write_that_is_no_configuration_is_no_change(store: Store, path: Path) -> None:
    execute(path, "INSERT INTO event (at, severity, source, kind, message) VALUES (0, 'info', 'x', 'x', 'x')")
    assert changed(store) is None


def test_our_own_writes_are_no_change(store: Store) -> None:
    store.submit(registered())
    store.flush()
    assert changed(store) is None


def test_only_what_changed_is_made_anew(store: Store, path: Path) -> None:
    bump(path, extension("100", 1), device("100", 1, 1), extension("200", 2), device("200", 2, 2))
    before = changed(store)
    bump(path, "UPDATE extension SET name = 'Grace', revision = :r WHERE number = '200'")
    after = changed(store)
    assert before is not None
    assert after is not None
    assert after.extensions["100"] is before.extensions["100"]
    assert after.devices["100"] is before.devices["100"]
    assert after.extensions["200"].name == "Grace"
    assert after.extension("GRACE") is after.extensions["200"]
    assert before.extensions["200"].name == ""
    assert changed(store) is None


CHANGES = {
    "a device more": [device("200b", 9, 2)],
    "a device disabled": ["UPDATE device SET enabled = 0, revision = :r WHERE username = '200'"],
    "a device moved": ["UPDATE device SET extension_id = 1, revision = :r WHERE username = '200'"],
    "a device removed": [
        "DELETE FROM device WHERE username = '200'",
        "INSERT INTO removal (kind, key, revision) VALUES ('device', '200', :r)",
    ],
    "an extension removed": [
        "DELETE FROM device WHERE extension_id = 2",
        "DELETE FROM extension WHERE id = 2",
        "INSERT INTO removal (kind, key, revision) VALUES ('extension', '200', :r)",
    ],
    "an extension removed and made again": [
        "DELETE FROM device WHERE extension_id = 2",
        "DELETE FROM extension WHERE id = 2",
        "INSERT INTO removal (kind, key, revision) VALUES ('extension', '200', :r)",
        "INSERT INTO removal (kind, key, revision) VALUES ('device', '200', :r)",
        extension("200", 7, "New"),
        device("200", 8, 7),
    ],
    "an extension renumbered": ["UPDATE extension SET number = '250', revision = :r WHERE number = '200'"],
    "an extension disabled": ["UPDATE extension SET enabled = 0, revision = :r WHERE number = '200'"],
    "the domain changed": ["UPDATE config SET sip_domain = 'other.example.com'"],
    "six hundred extensions more": [extension(f"5{row:04}", row) for row in range(1000, 1600)],
}


@pytest.mark.parametrize("statements", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_directory_is_the_one_that_a_new_start_would_read(
    store: Store, path: Path, statements: list[str]
) -> None:
    bump(path, extension("100", 1, "Ada"), device("100", 1, 1), extension("200", 2, "Grace"), device("200", 2, 2))
    assert changed(store) is not None
    bump(path, *statements)
    after = changed(store)
    fresh = store.load_directory().result(5)
    assert after == fresh


def test_of_two_extensions_of_one_name_the_older_is_meant(store: Store, path: Path) -> None:
    bump(path, extension("300", 1, "Desk"), extension("200", 2, "desk"))
    directory = changed(store)
    assert directory is not None
    found = directory.extension("DESK")
    assert found is not None
    assert found.number == "300"


def test_little_of_the_database_is_kept_in_memory(store: Store) -> None:
    """Else the daemon grows with the history of calls, up to what the admin app's connections may take."""
    kept = store.ask(lambda connection: connection.execute("PRAGMA cache_size").fetchone()[0]).result(5)
    assert kept == -2048
