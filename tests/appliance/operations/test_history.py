"""The call history: filters, pages, CSV, and whose calls one sees."""

from __future__ import annotations

import csv
import io

import pytest

from appliance.database.models import Call, CallLeg
from appliance.errors import NotFound
from appliance.operations.extensions import add_extension
from appliance.operations.history import CallFilter, calls_as_csv, get_call, list_calls
from appliance.operations.paging import PageRequest
from tests.support.appliance import Office

START = 1_800_000_000.0


def record(identity: str, *, caller: str = "201", callee: str = "202", offset: float = 0.0, **more: object) -> None:
    columns: dict[str, object] = {
        "id": identity,
        "started_at": START + offset,
        "caller_number": caller,
        "caller_name": "Ada",
        "callee_number": callee,
        "callee_name": "Grace",
        "dialled": callee,
        "status": "answered",
        **more,
    }
    Call.create(**columns)


def found(office: Office, filters: CallFilter) -> list[str]:
    return [view.id for view in list_calls(office.console, filters=filters).rows]


@pytest.fixture
def three_calls(office: Office) -> Office:
    record("a", offset=0, answered_at=START + 5, ended_at=START + 65)
    record("b", offset=100, caller="203", status="missed", caller_name="Hedy")
    record("c", offset=200, callee="204", status="busy")
    return office


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (CallFilter(), ["c", "b", "a"]),
        (CallFilter(number="201"), ["c", "a"]),
        (CallFilter(number="204"), ["c"]),
        (CallFilter(status="missed"), ["b"]),
        (CallFilter(search="hed"), ["b"]),
        (CallFilter(search="20"), ["c", "b", "a"]),
        (CallFilter(search="100%"), []),
        (CallFilter(since=START + 100), ["c", "b"]),
        (CallFilter(until=START + 100), ["a"]),
        (CallFilter(number="201", status="busy"), ["c"]),
    ],
)
def test_calls_are_found_newest_first(three_calls: Office, filters: CallFilter, ids: list[str]) -> None:
    assert found(three_calls, filters) == ids


def test_pages_have_twenty_rows_unless_asked_otherwise(office: Office) -> None:
    for index in range(30):
        record(str(index), offset=index)
    first = list_calls(office.console)
    assert (len(first.rows), first.total) == (20, 30)
    assert [view.id for view in list_calls(office.console, PageRequest(2)).rows][-1] == "0"


def test_the_time_that_was_talked_is_from_answer_to_end(three_calls: Office) -> None:
    assert get_call(three_calls.console, "a").talk_seconds == 60
    assert get_call(three_calls.console, "b").talk_seconds == 0


def test_one_call_comes_with_its_legs(three_calls: Office) -> None:
    CallLeg.create(call="a", side="caller", device="201", transport="UDP", state="answered", packets_received=7)
    (leg,) = get_call(three_calls.console, "a").legs
    assert (leg.side, leg.device, leg.packets_received, leg.media_secure) == ("caller", "201", 7, False)


def test_a_user_sees_only_calls_of_the_own_numbers(three_calls: Office) -> None:
    hedy = three_calls.person("hedy")
    add_extension(three_calls.console, "203", owner_id=hedy.actor.user_id)
    assert [view.id for view in list_calls(hedy).rows] == ["b"]
    assert get_call(hedy, "b").id == "b"
    with pytest.raises(NotFound):
        get_call(hedy, "a")
    assert list_calls(three_calls.person("nobody")).total == 0


def test_the_csv_has_a_header_and_all_calls_in_utc(three_calls: Office) -> None:
    rows = list(csv.DictReader(io.StringIO("".join(calls_as_csv(three_calls.console)))))
    assert [row["id"] for row in rows] == ["c", "b", "a"]
    assert rows[2]["started_at"] == "2027-01-15T08:00:00Z"
    assert rows[2]["talk_seconds"] == "60"
    assert rows[1]["answered_at"] == ""


@pytest.mark.parametrize(
    ("name", "shown"),
    [("=cmd|'/C calc'!A0", "'=cmd|'/C calc'!A0"), ("@x", "'@x"), ("-x", "'-x"), ("+49 30", "'+49 30"), ("Ada", "Ada")],
)
def test_a_display_name_is_no_formula_in_a_spreadsheet(office: Office, name: str, shown: str) -> None:
    record("a", caller_name=name, caller="+4930")
    (row,) = csv.DictReader(io.StringIO("".join(calls_as_csv(office.console))))
    assert (row["caller_name"], row["caller_number"]) == (shown, "+4930")
