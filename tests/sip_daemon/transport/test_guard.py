from __future__ import annotations

from sip_daemon.flow import source_of
from sip_daemon.transport.guard import OncePerSource, SourceRate


def test_a_source_may_burst_and_then_gets_its_rate() -> None:
    rate = SourceRate(rate=5.0, burst=20.0)
    assert [rate.allows("192.0.2.1", 0.0) for _ in range(21)] == [True] * 20 + [False]
    assert [rate.allows("192.0.2.1", 1.0) for _ in range(6)] == [True] * 5 + [False]


def test_one_source_does_not_use_up_what_another_may_have() -> None:
    rate = SourceRate(rate=1.0, burst=1.0)
    assert rate.allows("192.0.2.1", 0.0)
    assert not rate.allows("192.0.2.1", 0.0)
    assert rate.allows("192.0.2.2", 0.0)


def test_all_sources_together_are_bounded_too() -> None:
    rate = SourceRate(total_rate=10.0)
    allowed = sum(rate.allows(f"192.0.2.{host}", 0.0) for host in range(100))
    assert allowed == 10


def test_forged_sources_do_not_make_the_table_grow_beyond_its_capacity() -> None:
    rate = SourceRate(capacity=50)
    for host in range(1000):
        rate.allows(f"10.0.{host // 256}.{host % 256}", 0.0)
    assert len(rate) == 50


def test_an_ipv6_host_counts_as_its_64_bit_network() -> None:
    assert source_of("2001:db8:1:2::1") == source_of("2001:db8:1:2:ffff::9")
    assert source_of("2001:db8:1:2::1") != source_of("2001:db8:1:3::1")
    assert source_of("192.0.2.1") == "192.0.2.1"


def test_a_source_is_logged_once_a_minute_with_the_number_held_back() -> None:
    rate = OncePerSource(interval=60.0)
    assert rate.admit("192.0.2.1", "malformed", 0.0) == 0
    assert rate.admit("192.0.2.1", "malformed", 1.0) is None
    assert rate.admit("192.0.2.1", "malformed", 59.0) is None
    assert rate.admit("192.0.2.1", "malformed", 60.0) == 2


def test_another_source_or_another_kind_is_logged_for_itself() -> None:
    rate = OncePerSource()
    assert rate.admit("192.0.2.1", "malformed", 0.0) == 0
    assert rate.admit("192.0.2.2", "malformed", 0.0) == 0
    assert rate.admit("192.0.2.1", "refused", 0.0) == 0


def test_the_log_table_is_bounded() -> None:
    rate = OncePerSource(capacity=10)
    for host in range(100):
        rate.admit(f"192.0.2.{host}", "malformed", 0.0)
    assert len(rate) == 10


def test_what_is_given_back_can_be_taken_again_up_to_the_burst() -> None:
    rate = SourceRate(rate=0.0, burst=2.0)
    rate.give_back("192.0.2.1")
    assert [rate.allows("192.0.2.1", 0.0) for _ in range(3)] == [True, True, False]
    for _ in range(5):
        rate.give_back("192.0.2.1")
    assert [rate.allows("192.0.2.1", 0.0) for _ in range(3)] == [True, True, False]
