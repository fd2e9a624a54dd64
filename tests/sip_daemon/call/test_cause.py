"""What a called phone's refusal means for the caller."""

from __future__ import annotations

import pytest

from sip_daemon.call import cause
from sip_daemon.call.cause import Cause


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (486, cause.BUSY),
        (600, cause.BUSY),
        (603, cause.DECLINED),
        (607, cause.DECLINED),
        (488, cause.INCOMPATIBLE),
        (480, cause.NOT_NOW),
        (408, cause.UNREACHABLE),
    ],
)
def test_a_known_refusal_has_its_meaning(status: int, expected: Cause) -> None:
    assert cause.of_response(status) == expected


@pytest.mark.parametrize("status", [302, 401, 404, 500, 503])
def test_what_only_tells_of_that_phone_becomes_unavailable(status: int) -> None:
    assert cause.of_response(status).status == 480


@pytest.mark.parametrize(("status", "q850"), [(403, 21), (404, 1), (480, 20), (484, 28), (486, 17)])
def test_what_the_plan_refuses_has_the_isdn_cause_of_its_status(status: int, q850: int) -> None:
    """RFC 3398 §8.2.6.1."""
    assert cause.of_plan(status, "No").headers() == [("Reason", f'Q.850;cause={q850};text="No"')]


def test_the_best_of_several_refusals_is_the_one_a_person_gave() -> None:
    assert cause.best([cause.UNREACHABLE, cause.BUSY, cause.NOT_NOW]) == cause.BUSY
    assert cause.best([cause.BUSY, cause.DECLINED]) == cause.DECLINED
    assert cause.best([cause.of_response(404), cause.UNREACHABLE]) == cause.of_response(404)


def test_no_phone_at_all_means_not_registered() -> None:
    assert cause.best([]) == cause.NOT_REGISTERED


def test_the_headers_carry_the_reason_and_when_to_try_again() -> None:
    """RFC 6432 allows Q.850 reasons in responses; RFC 3261 §20.33 has Retry-After."""
    assert cause.NO_MEDIA_PORT.headers() == [
        ("Reason", 'Q.850;cause=34;text="No media port is free"'),
        ("Retry-After", "10"),
    ]
