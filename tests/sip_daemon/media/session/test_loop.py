"""The loop of a worker."""

from __future__ import annotations

import socket
import threading

import pytest

from sip_daemon.media.session.loop import EventLoop


@pytest.fixture
def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)


def test_a_flooded_socket_gets_one_turn_like_the_others() -> None:
    loop, turns = EventLoop(), []
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
    for index, (_, receiving) in enumerate(pairs):
        loop.add(receiving.fileno(), lambda i=index, s=receiving: turns.append((i, s.recv(9))))  # type: ignore[misc]
    for _ in range(5):
        pairs[0][0].send(b"flood")
    pairs[1][0].send(b"call")
    loop.run_once(0.1)
    assert sorted(turns) == [(0, b"flood"), (1, b"call")]


def test_a_handler_that_fails_does_not_end_the_loop(pair: tuple[socket.socket, socket.socket]) -> None:
    loop, seen = EventLoop(), []

    def handler() -> None:
        seen.append(pair[1].recv(9))
        raise RuntimeError("a bug")

    loop.add(pair[1].fileno(), handler)
    for data in (b"one", b"two"):
        pair[0].send(data)
        loop.run_once(0.1)
    assert seen == [b"one", b"two"]


def test_timers_run_in_their_order_and_not_when_cancelled() -> None:
    loop, ran = EventLoop(), []
    loop.call_later(0.02, lambda: ran.append("second"))
    loop.call_later(0.01, lambda: ran.append("first"))
    loop.call_later(0.0, lambda: ran.append("never")).cancel()
    loop.call_later(0.03, loop.stop)
    loop.run()
    assert ran == ["first", "second"]


def test_another_thread_can_have_something_called() -> None:
    loop = EventLoop()
    threading.Timer(0.02, lambda: loop.call_from_thread(loop.stop)).start()
    loop.run()


def test_a_removed_descriptor_is_not_served(pair: tuple[socket.socket, socket.socket]) -> None:
    loop = EventLoop()
    loop.add(pair[1].fileno(), lambda: pytest.fail("it was served"))
    pair[0].send(b"data")
    loop.remove(pair[1].fileno())
    loop.remove(pair[1].fileno())
    assert loop.run_once(0.01) == 0


def test_what_a_thread_wanted_may_fail_without_harm_to_the_rest() -> None:
    loop, done = EventLoop(), []

    def fail() -> None:
        raise ValueError("of this one only")

    loop.call_from_thread(fail)
    loop.call_from_thread(lambda: done.append(True))
    loop.run_once(1.0)
    assert done == [True]
    loop.close()
