"""The location service: what is registered where, and until when."""

from __future__ import annotations

import random

import pytest

from sip_daemon.registrar import BindingEvent, LocationTable
from tests.support.bindings import binding, tcp, udp

NOW = 1000.0


@pytest.fixture
def table() -> LocationTable:
    return LocationTable(to_wall=lambda at: at + 1_700_000_000)


def test_a_binding_is_found_under_its_username(table: LocationTable) -> None:
    table.update(binding())
    assert table.bindings("1001", NOW) == (binding(),)
    assert table.bindings("1002", NOW) == ()


def test_a_new_binding_is_a_change_with_its_wall_time_of_expiry(table: LocationTable) -> None:
    (change,) = table.update(binding(expires_at=NOW + 60))
    assert (change.event, change.expires_at) == (BindingEvent.REGISTERED, 1_700_000_000 + NOW + 60)
    assert change.key == ("1001", "sip:1001@192.0.2.10:5060")


def test_a_binding_of_the_same_key_takes_its_place(table: LocationTable) -> None:
    table.update(binding(cseq=1))
    (change,) = table.update(binding(cseq=2))
    assert change.event is BindingEvent.REFRESHED
    assert [one.cseq for one in table.bindings("1001", NOW)] == [2]
    assert len(table) == 1


def test_the_preferred_contact_comes_first(table: LocationTable) -> None:
    table.update(binding(contact="sip:low@192.0.2.10", q=0.1))
    table.update(binding(contact="sip:high@192.0.2.10", q=0.9))
    assert [one.q for one in table.bindings("1001", NOW)] == [0.9, 0.1]


def test_an_expired_binding_is_not_given_out_even_before_it_is_dropped(table: LocationTable) -> None:
    table.update(binding(expires_at=NOW))
    assert table.bindings("1001", NOW) == ()


def test_expiry_drops_what_is_due_and_says_so(table: LocationTable) -> None:
    table.update(binding(expires_at=NOW + 60))
    assert table.next_expiry == NOW + 60
    assert table.expire(NOW + 59) == ()
    (change,) = table.expire(NOW + 60)
    assert (change.event, change.event.is_gone) == (BindingEvent.EXPIRED, True)
    assert len(table) == 0
    assert len(table.snapshot()) == 0


def test_a_refreshed_binding_lives_on_past_its_first_expiry(table: LocationTable) -> None:
    table.update(binding(expires_at=NOW + 60))
    table.update(binding(expires_at=NOW + 120))
    assert table.expire(NOW + 60) == ()
    assert table.next_expiry == NOW + 120
    assert len(table.expire(NOW + 120)) == 1


def test_a_binding_that_was_shortened_expires_in_time(table: LocationTable) -> None:
    table.update(binding(expires_at=NOW + 3600))
    table.update(binding(expires_at=NOW + 60))
    assert len(table.expire(NOW + 60)) == 1
    assert table.expire(NOW + 3600) == ()


def test_registering_and_removing_for_hours_leaves_nothing_behind(table: LocationTable) -> None:
    for step in range(1000):
        table.update(binding(expires_at=NOW + 3600 + step))
        table.remove("1001")
    assert len(table._due) <= 2
    table.expire(NOW + 10_000)
    assert table.next_expiry is None
    assert table._records == {}


def test_random_lifetimes_expire_exactly_on_time(table: LocationTable) -> None:
    chance = random.Random(7)
    expected: dict[str, float] = {}
    for _ in range(500):
        name = f"d{chance.randrange(50)}"
        expected[name] = NOW + chance.randrange(60, 600)
        table.update(binding(name, expires_at=expected[name]))
    for now in range(int(NOW), int(NOW) + 601):
        gone = {change.binding.username for change in table.expire(now)}
        assert gone == {name for name, at in expected.items() if at == now}
    assert len(table) == 0


def test_a_closed_connection_makes_its_bindings_unreachable(table: LocationTable) -> None:
    table.update(binding(flow=tcp(7)))
    table.update(binding("1002", flow=tcp(7)))
    table.update(binding("1003", flow=tcp(8)))
    assert [change.event for change in table.flow_closed(tcp(7))] == [BindingEvent.UNREACHABLE] * 2
    assert table.reachable("1001", NOW) == ()
    assert len(table.bindings("1001", NOW)) == 1
    assert len(table.reachable("1003", NOW)) == 1
    assert table.devices_online == 1


def test_a_binding_in_trouble_says_why_and_answers_again(table: LocationTable) -> None:
    one = binding()
    table.update(one)
    (change,) = table.set_trouble(one, "it does not answer")
    assert (change.event, change.binding.trouble) == (BindingEvent.UNREACHABLE, "it does not answer")
    assert table.reachable("1001", NOW) == ()
    assert table.set_trouble(change.binding, "it does not answer") == ()
    (change,) = table.set_trouble(change.binding, "")
    assert change.event is BindingEvent.REACHABLE
    assert len(table.reachable("1001", NOW)) == 1


def test_the_trouble_of_a_binding_that_was_refreshed_meanwhile_is_its_own_no_more(table: LocationTable) -> None:
    old = binding(cseq=1)
    table.update(old)
    table.update(binding(cseq=2))
    assert table.set_trouble(old, "it does not answer") == ()
    assert len(table.reachable("1001", NOW)) == 1


def test_a_refresh_ends_the_trouble(table: LocationTable) -> None:
    one = binding(cseq=1)
    table.update(one)
    table.set_trouble(one, "it does not answer")
    assert [change.event for change in table.update(binding(cseq=2))] == [BindingEvent.REFRESHED]
    assert len(table.reachable("1001", NOW)) == 1


def test_a_phone_that_comes_back_on_a_new_connection_is_reachable_again(table: LocationTable) -> None:
    table.update(binding(flow=tcp(7)))
    table.flow_closed(tcp(7))
    table.update(binding(flow=tcp(9)))
    assert [one.flow for one in table.reachable("1001", NOW)] == [tcp(9)]
    assert table.flow_closed(tcp(7)) == ()
    assert len(table.flow_closed(tcp(9))) == 1


def test_a_binding_that_moved_to_another_connection_ignores_the_old_one(table: LocationTable) -> None:
    table.update(binding(flow=tcp(7)))
    table.update(binding(flow=tcp(8)))
    assert table.flow_closed(tcp(7)) == ()
    assert len(table.reachable("1001", NOW)) == 1


def test_connections_leave_no_trace_once_their_bindings_are_gone(table: LocationTable) -> None:
    table.update(binding(flow=tcp(7), expires_at=NOW + 60))
    table.update(binding("1002", flow=tcp(7)))
    table.remove("1002")
    table.expire(NOW + 60)
    assert table._by_way == {}


def test_a_closed_udp_flow_means_nothing(table: LocationTable) -> None:
    table.update(binding(flow=udp()))
    assert table.flow_closed(udp()) == ()


def test_removing_one_binding_leaves_the_others(table: LocationTable) -> None:
    table.update(binding(contact="sip:a@192.0.2.10"))
    table.update(binding(contact="sip:b@192.0.2.10"))
    (change,) = table.remove("1001", "sip:a@192.0.2.10")
    assert change.event is BindingEvent.REMOVED
    assert [one.contact for one in table.bindings("1001", NOW)] == ["sip:b@192.0.2.10"]


def test_removing_what_is_not_there_is_no_change(table: LocationTable) -> None:
    assert table.remove("nobody") == ()
    assert table.revision == 0


def test_bindings_of_devices_that_are_gone_are_dropped(table: LocationTable) -> None:
    table.update(binding("1001"))
    table.update(binding("1002"))
    (change,) = table.retain({"1002"}.__contains__)
    assert change.binding.username == "1001"
    assert [one.username for one in table.all()] == ["1002"]


def test_stored_bindings_come_back_but_their_connections_do_not(table: LocationTable) -> None:
    table.load([binding("1001", flow=udp()), binding("1002", flow=tcp(3))])
    assert len(table.reachable("1001", NOW)) == 1
    assert table.reachable("1002", NOW) == ()
    assert table.flow_closed(tcp(3)) == ()
    assert len(table.snapshot()) == 2


def test_the_revision_grows_with_every_change_and_only_then(table: LocationTable) -> None:
    table.update(binding(expires_at=NOW + 60))
    before = table.revision
    table.bindings("1001", NOW)
    table.expire(NOW + 1)
    assert table.revision == before
    table.expire(NOW + 60)
    assert table.revision > before


def test_the_bindings_of_a_flow_are_found_without_a_search() -> None:
    table = LocationTable()
    first, second = udp("192.0.2.1"), udp("192.0.2.2")
    table.update(binding("1001", flow=first))
    table.update(binding("1002", flow=second))
    assert [one.username for one in table.on_flow(first)] == ["1001"]
    table.update(binding("1001", flow=second))
    assert not table.on_flow(first)
    assert [one.username for one in table.on_flow(second)] == ["1001", "1002"]
    table.remove("1002")
    assert [one.username for one in table.on_flow(second)] == ["1001"]
