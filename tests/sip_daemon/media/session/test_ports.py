"""The port range, its shares and its rest periods."""

from __future__ import annotations

import errno
import socket

import pytest

from sip_daemon.errors import MediaError, MediaUnavailable
from sip_daemon.media.session.ports import PortPool, PortSlice, open_pair


def test_shares_are_even_do_not_overlap_and_stay_in_the_range() -> None:
    whole = PortSlice(20001, 20100)
    shares = [whole.part(index, 3) for index in range(3)]
    assert all(share.first % 2 == 0 and share.last % 2 == 1 for share in shares)
    ports = [port for share in shares for port in range(share.first, share.last + 1)]
    assert len(ports) == len(set(ports)) == 96
    assert whole.first <= min(ports) <= max(ports) <= whole.last


def test_a_range_that_is_too_small_has_no_pairs() -> None:
    assert PortSlice(20000, 20003).part(0, 3).pairs == 0
    assert PortPool(PortSlice(20000, 19999)).total == 0


def test_ports_are_even_and_given_out_once() -> None:
    pool = PortPool(PortSlice(20000, 20005))
    assert [pool.take() for _ in range(3)] == [20000, 20002, 20004]
    with pytest.raises(MediaUnavailable):
        pool.take()


def test_a_port_rests_for_as_long_as_there_are_others() -> None:
    pool = PortPool(PortSlice(20000, 20005))
    pool.give_back(pool.take())
    assert [pool.take() for _ in range(3)] == [20002, 20004, 20000]


def test_a_burst_of_short_calls_is_not_refused_while_a_port_is_free() -> None:
    pool = PortPool(PortSlice(20000, 20001))
    for _ in range(1000):
        pool.give_back(pool.take())
    assert pool.free == 1


def test_whoever_finds_no_port_is_told_when_to_come_again() -> None:
    with pytest.raises(MediaUnavailable) as caught:
        PortPool(PortSlice(20000, 19999)).take()
    assert caught.value.retry_after > 0


def test_a_port_that_nobody_was_told_of_needs_no_rest() -> None:
    pool = PortPool(PortSlice(20000, 20001))
    pool.give_back_unused(pool.take())
    assert pool.take() == 20000


def test_a_port_held_by_another_program_is_passed_over() -> None:
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", 40902))
    pool = PortPool(PortSlice(40902, 40905))
    try:
        pair = open_pair(pool, "127.0.0.1")
    finally:
        taken.close()
    assert pair.port == 40904
    assert (pair.rtp.getsockname()[1], pair.rtcp.getsockname()[1]) == (40904, 40905)
    pair.close()


def test_a_taken_rtcp_port_leaves_no_socket_behind() -> None:
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", 40907))
    pool = PortPool(PortSlice(40906, 40907))
    try:
        with pytest.raises(MediaUnavailable, match="RTP port"):
            open_pair(pool, "127.0.0.1")
        again = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        again.bind(("127.0.0.1", 40906))
        again.close()
    finally:
        taken.close()


def test_a_foreign_address_is_an_error_and_keeps_the_port() -> None:
    pool = PortPool(PortSlice(40908, 40909))
    with pytest.raises(MediaError):
        open_pair(pool, "192.0.2.1")
    assert pool.free == 1


def test_a_machine_without_free_descriptors_is_full_and_not_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    pool = PortPool(PortSlice(40960, 40963))
    monkeypatch.setattr("sip_daemon.media.session.ports._bind", refuse)
    with pytest.raises(MediaUnavailable, match="Too many open files"):
        open_pair(pool, "127.0.0.1")
    assert pool.free == 2
