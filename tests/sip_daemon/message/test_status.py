from __future__ import annotations

import pytest

from sip_daemon.message import reason_phrase


@pytest.mark.parametrize(
    ("status", "phrase"), [(100, "Trying"), (407, "Proxy Authentication Required"), (603, "Decline")]
)
def test_a_registered_status_has_its_phrase(status: int, phrase: str) -> None:
    assert reason_phrase(status) == phrase


@pytest.mark.parametrize(
    ("status", "phrase"), [(199 - 20, "Trying"), (299, "OK"), (499, "Bad Request"), (699, "Global Failure")]
)
def test_an_unknown_status_has_the_phrase_of_its_class(status: int, phrase: str) -> None:
    assert reason_phrase(status) == phrase
