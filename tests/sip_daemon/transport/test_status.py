from __future__ import annotations

import errno
import logging

import pytest

from sip_daemon.flow import TransportAddress, TransportProtocol
from sip_daemon.transport.status import ListenerStatus, log_listener

ADDRESS = TransportAddress("192.0.2.1", 5060)


@pytest.mark.parametrize(
    ("code", "why", "what_to_do"),
    [
        (errno.EADDRINUSE, "another program", "ss -lpn"),
        (errno.EADDRNOTAVAIL, "does not have the address 192.0.2.1", "`all`"),
        (errno.EACCES, "does not allow", "above 1023"),
        (errno.EMFILE, "too many files", "ulimit -n"),
        (errno.EAFNOSUPPORT, "no IPv6", "IPv4"),
        (errno.ENOBUFS, "No buffer space", ""),
    ],
)
def test_a_failed_listener_says_where_why_and_what_to_do(code: int, why: str, what_to_do: str) -> None:
    status = ListenerStatus.failed(TransportProtocol.UDP, ADDRESS, OSError(code, "No buffer space"))
    assert not status.is_listening
    assert status.error is not None
    assert "UDP 192.0.2.1:5060" in status.error
    assert why in status.error
    assert what_to_do in status.error


def test_each_listener_is_logged_with_its_address_as_fields(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "sip_daemon.transport"):
        log_listener(ListenerStatus.listening(TransportProtocol.TCP, ADDRESS))
    (record,) = caplog.records
    assert record.getMessage() == "listening on TCP 192.0.2.1:5060"
    assert (record.__dict__["transport"], record.__dict__["address"], record.__dict__["port"]) == (
        "TCP",
        "192.0.2.1",
        5060,
    )
