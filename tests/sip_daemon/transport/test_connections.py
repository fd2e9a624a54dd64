from __future__ import annotations

import logging

import pytest

from sip_daemon.transport.connections import ConnectionTable
from sip_daemon.transport.limits import TransportLimits
from tests.support.clock import ManualClock
from tests.support.transport import RecordingReceiver


def table(**limits: int) -> ConnectionTable:
    clock = ManualClock()
    return ConnectionTable(TransportLimits(**limits), RecordingReceiver(), lambda: clock.now)


async def test_one_source_has_a_share_of_the_connections() -> None:
    connections = table(max_connections=10, max_connections_per_source=2)
    assert [connections.reserve("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert connections.reserve("192.0.2.2")


async def test_an_ipv6_host_shares_with_its_64_bit_network() -> None:
    connections = table(max_connections_per_source=1)
    assert connections.reserve("2001:db8::1")
    assert not connections.reserve("2001:db8::2")
    assert connections.reserve("2001:db8:0:1::1")


async def test_loopback_has_no_share_but_counts_in_all() -> None:
    connections = table(max_connections=3, max_connections_per_source=1)
    assert [connections.reserve("127.0.0.1") for _ in range(4)] == [True, True, True, False]


async def test_a_released_reservation_can_be_taken_again() -> None:
    connections = table(max_connections_per_source=1)
    assert connections.reserve("192.0.2.1")
    connections.release("192.0.2.1")
    assert connections.reserve("192.0.2.1")


async def test_refused_connections_of_one_source_are_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    connections = table(max_connections_per_source=0)
    with caplog.at_level(logging.WARNING, "sip_daemon.transport"):
        for _ in range(100):
            connections.reserve("192.0.2.1")
    assert len(caplog.records) == 1
    assert "192.0.2.1" in caplog.text
