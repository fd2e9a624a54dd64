"""What a Cloudflare token may do is proven by use, and its faults are told apart from those on the way."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from appliance.checks import Check
from appliance.operations.token_doctor import examine_token
from appliance.secret import Secret
from tests.support.cloudflare import ADDRESS, EDIT, READ, FakeCloudflare

NAME = "phones.office.example.com"


@pytest.fixture
def cloudflare() -> Iterator[FakeCloudflare]:
    with FakeCloudflare() as fake:
        fake.add_zone("example.com")
        yield fake


def examine(cloudflare: FakeCloudflare, token: str, *names: str) -> tuple[Check, ...]:
    return examine_token(Secret(token), names or (NAME,), cloudflare.base_url)


def results(checks: tuple[Check, ...]) -> dict[str, bool | None]:
    return {check.name: check.ok for check in checks}


def test_a_good_token_passes_and_leaves_no_record(cloudflare: FakeCloudflare) -> None:
    checks = examine(cloudflare, cloudflare.add_token({"example.com": EDIT}, expires_on="2027-01-31T00:00:00Z"))
    assert results(checks) == {
        "Token is well formed": True,
        "Token is known and active": True,
        "Token may be used from here": True,
        f"Zone of {NAME} is visible": True,
        "DNS of example.com can be edited": True,
    }
    assert "2027-01-31" in checks[1].why
    assert any(line.startswith("POST") for line in cloudflare.asked)
    assert cloudflare.records == {}


def test_a_token_of_an_account_is_known_by_its_use(cloudflare: FakeCloudflare) -> None:
    checks = examine(cloudflare, cloudflare.add_token({"example.com": EDIT}, is_of_account=True))
    assert all(check.ok for check in checks)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("c2547eb745079dac9320b638f5e225cf483cc", "Global API Key"),
        ("short", "no API token"),
        ("x" * 40 + "\n", "no API"),
    ],
)
def test_what_is_no_token_is_never_sent(cloudflare: FakeCloudflare, text: str, said: str) -> None:
    (check,) = examine(cloudflare, text)
    assert (check.ok, said in check.why) == (False, True)
    assert cloudflare.asked == []


def test_an_unknown_token(cloudflare: FakeCloudflare) -> None:
    last = examine(cloudflare, "u" * 40)[-1]
    assert (last.name, last.ok) == ("Token is known and active", False)
    assert "does not know it" in last.why


def test_a_token_that_is_switched_off(cloudflare: FakeCloudflare) -> None:
    last = examine(cloudflare, cloudflare.add_token({"example.com": EDIT}, status="disabled"))[-1]
    assert (last.name, last.ok, last.why) == ("Token is known and active", False, "It is disabled.")


def test_a_token_that_is_bound_to_other_addresses(cloudflare: FakeCloudflare) -> None:
    last = examine(cloudflare, cloudflare.add_token({"example.com": EDIT}, is_bound_elsewhere=True))[-1]
    assert (last.name, last.ok) == ("Token may be used from here", False)
    assert ADDRESS in last.why


def test_a_zone_that_the_token_does_not_see_and_one_that_it_does(cloudflare: FakeCloudflare) -> None:
    cloudflare.add_zone("example.org")
    token = cloudflare.add_token({"example.com": EDIT})
    found = results(examine(cloudflare, token, "sip.example.org", "*.example.com"))
    assert found["Zone of sip.example.org is visible"] is False
    assert found["Zone of *.example.com is visible"] is True
    assert found["DNS of example.com can be edited"] is True


def test_a_zone_whose_name_servers_are_elsewhere(cloudflare: FakeCloudflare) -> None:
    cloudflare.add_zone("example.net", status="pending")
    checks = examine(cloudflare, cloudflare.add_token({"example.net": EDIT}), "example.net")
    assert results(checks)["Zone of example.net is visible"] is False


def test_a_token_that_may_only_read_lacks_exactly_one_right(cloudflare: FakeCloudflare) -> None:
    checks = examine(cloudflare, cloudflare.add_token({"example.com": READ}))
    assert [check.ok for check in checks] == [True, True, True, True, False]
    assert "Zone / DNS / Edit is missing" in checks[-1].why
    assert "example.com" in checks[-1].fix


@pytest.mark.parametrize("path", ["/verify", "/zones", "POST"])
@pytest.mark.parametrize(("status", "code"), [(429, 971), (500, 5), (503, 0)])
def test_throttling_and_faults_are_no_fault_of_the_token(
    cloudflare: FakeCloudflare, path: str, status: int, code: int
) -> None:
    cloudflare.fail_next(status, code, retry_after=120, path=path)
    checks = examine(cloudflare, cloudflare.add_token({"example.com": EDIT}))
    assert checks[-1].ok is None
    assert all(check.ok for check in checks[:-1])


def test_a_record_that_could_not_be_removed_is_named(cloudflare: FakeCloudflare) -> None:
    cloudflare.throttle_next(path="DELETE")
    last = examine(cloudflare, cloudflare.add_token({"example.com": EDIT}))[-1]
    assert last.ok is None
    assert f"_gosip-check.{NAME}" in last.fix


def test_nobody_there(cloudflare: FakeCloudflare) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/client/v4"
        checks = examine_token(Secret("t" * 40), (NAME,), url)
    assert [check.ok for check in checks] == [True, None]
    assert "cannot be reached" in checks[-1].why
