"""Alarms are news once, and go when it is right again."""

from __future__ import annotations

import pytest

from appliance.errors import Forbidden
from appliance.operations.alarms import Severity, clear_alarm, list_alarms, raise_alarm
from appliance.operations.events import list_events
from tests.support.appliance import Office

KEY = "certificate.expiry"


def told(office: Office) -> list[tuple[str, str]]:
    return [(event.severity, event.message) for event in list_events(office.console).rows if event.kind == "alarm"]


def test_the_same_alarm_is_news_once(office: Office) -> None:
    assert raise_alarm(office.console, KEY, Severity.WARNING, "It ends soon.", "Renew it.")
    began = office.clock()
    office.clock.advance(60)
    assert not raise_alarm(office.console, KEY, Severity.WARNING, "It ends soon.", "Renew it.")
    assert told(office) == [("warning", "It ends soon.")]
    (alarm,) = list_alarms(office.console)
    assert (alarm.since, alarm.changed_at, alarm.fix) == (began, began, "Renew it.")


def test_an_alarm_that_gets_worse_is_the_same_alarm_and_news(office: Office) -> None:
    raise_alarm(office.console, KEY, Severity.WARNING, "It ends soon.", "Renew it.")
    office.clock.advance(60)
    assert raise_alarm(office.console, KEY, Severity.ERROR, "It has ended.", "Renew it.")
    (alarm,) = list_alarms(office.console)
    assert (alarm.severity, alarm.changed_at - alarm.since) == ("error", 60)
    assert told(office) == [("error", "It has ended."), ("warning", "It ends soon.")]


def test_it_goes_and_an_event_says_so(office: Office) -> None:
    raise_alarm(office.console, KEY, Severity.ERROR, "It has ended.", "Renew it.")
    assert clear_alarm(office.console, KEY)
    assert not clear_alarm(office.console, KEY)
    assert list_alarms(office.console) == ()
    assert ("info", "This is over: It has ended.") in told(office)


def test_the_worst_stands_first_and_then_the_oldest(office: Office) -> None:
    for key, severity in (("a", Severity.WARNING), ("b", Severity.ERROR), ("c", Severity.ERROR)):
        raise_alarm(office.console, key, severity, "x", "")
        office.clock.advance(1)
    assert [alarm.key for alarm in list_alarms(office.console)] == ["b", "c", "a"]


def test_they_are_for_administrators(office: Office) -> None:
    with pytest.raises(Forbidden):
        list_alarms(office.person("grace"))
