from __future__ import annotations

import os

import pytest

from sip_daemon.message import MAGIC_COOKIE, new_branch, new_call_id, new_tag
from sip_daemon.message.grammar import is_token


@pytest.mark.parametrize("make", [new_tag, new_branch, new_call_id])
def test_identifiers_are_tokens_and_never_twice_the_same(make: object) -> None:
    assert callable(make)
    made = {make() for _ in range(1000)}
    assert len(made) == 1000
    assert all(is_token(text) for text in made)


def test_a_branch_begins_with_the_magic_cookie() -> None:
    assert new_branch().startswith(MAGIC_COOKIE)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # From Python 3.12 on, where there are threads.
def test_a_forked_process_draws_words_of_its_own() -> None:
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(sending, new_call_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(sending)
    with open(receiving, encoding="ascii") as pipe:
        assert pipe.read() != new_call_id()
