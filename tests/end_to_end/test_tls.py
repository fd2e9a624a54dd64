"""Real programs over TLS: phones register, call and are called on their own connection; OpenSSL verifies us."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.control.client import ControlClient
from tests.end_to_end.conftest import Accounts
from tests.support import baresip
from tests.support.baresip import Baresip
from tests.support.certificates import Authority
from tests.support.shelf import Shelf
from tests.support.system import GosipSystem
from tests.support.waiting import free_port, wait_for

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(not baresip.is_available(), reason="baresip is not installed"),
]

TLS_PORT = free_port()


@pytest.fixture(scope="module")
def gosip() -> Iterator[GosipSystem]:
    with GosipSystem(environment={"GOSIP_TLS_PORT": str(TLS_PORT)}) as system:
        yield system


def transports(gosip: GosipSystem) -> set[str]:
    return {binding["transport"] for binding in gosip.json("binding", "list")["bindings"]}


def test_phones_register_and_call_by_tls_as_soon_as_it_is_switched_on(
    gosip: GosipSystem, accounts: Accounts, shelf: Shelf
) -> None:
    gosip.run("config", "set", "tls_enabled", "true")
    tls = ControlClient(gosip.data / "run" / "sip.sock")
    wait_for(lambda: [one for one in tls.call("tls.status")["listeners"] if one["state"] == "listening"], "TLS")
    options: dict[str, Any] = {"transport": "tls", "server": f"{gosip.host}:{TLS_PORT}"}
    caller = shelf.plug_in(Baresip, accounts.add("Ada"), 700.0, **options)
    second = accounts.add("Grace")
    callee = shelf.plug_in(Baresip, second, 1300.0, answer=True, **options)
    assert transports(gosip) == {"TLS"}
    caller.dial(second.number)
    caller.wait_event("CALL_ESTABLISHED")
    callee.wait_event("CALL_ESTABLISHED")

    # A reload leaves the call and both connections alone: the BYE comes through.
    served = tls.call("tls.reload")["certificates"]["rsa"]["fingerprint"]
    pem = ssl.get_server_certificate((gosip.host, TLS_PORT))
    assert hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest() == served
    caller.hang_up()
    callee.wait_event("CALL_CLOSED")
    assert gosip.json("call", "list")["items"][0]["status"] == "answered"


def test_who_does_not_know_our_root_is_named(gosip: GosipSystem) -> None:
    gosip.run("config", "set", "tls_enabled", "true")
    tls = ControlClient(gosip.data / "run" / "sip.sock")
    wait_for(lambda: [one for one in tls.call("tls.status")["listeners"] if one["state"] == "listening"], "TLS")
    foreign = Authority("Somebody else's root").write(gosip.folder / "foreign.pem")
    assert shake_hands(gosip, gosip.data / "certs" / "root" / "root.pem") == 0
    assert shake_hands(gosip, foreign) != 0
    failure = wait_for(lambda: next(iter(tls.call("tls.status")["failures"]), None), "the failed handshake")
    assert "does not trust our certificate" in failure["reason"]


def shake_hands(gosip: GosipSystem, root: Path) -> int:
    """The exit code of OpenSSL's client, which verifies chain and address."""
    command = [
        "openssl",
        "s_client",
        "-connect",
        f"{gosip.host}:{TLS_PORT}",
        "-CAfile",
        str(root),
        "-verify_return_error",
    ]
    return subprocess.run([*command, "-verify_ip", gosip.host], input=b"", capture_output=True, check=False).returncode
