"""`gosip tls`: what is served, and who could not connect."""

from __future__ import annotations

import json

from tests.support.cli import Gosip
from tests.support.daemon import StandInDaemon


def test_shows_listeners_certificates_rules_and_failures(gosip: Gosip, daemon: StandInDaemon) -> None:
    daemon.serve_tls(failures={"192.0.2.7": "It offers nothing newer than TLS 1.0."})
    shown = gosip.text("tls", "status")
    for words in (
        "TLS 0.0.0.0:5061 listening",
        "RSA certificate for phones.example",
        "TLS 1.2 and later, modern suites, client certificates: none",
        "192.0.2.7 could not connect to port 5061 (3 times): It offers nothing newer than TLS 1.0.",
    ):
        assert words in shown
    state = gosip.json("tls", "status")
    assert (state["enabled"], state["certificates"][0]["key_type"]) == (True, "rsa")
    assert state["failures"][0]["source"] == "192.0.2.7"


def test_what_does_not_work_is_said_and_ends_with_1(gosip: Gosip, daemon: StandInDaemon) -> None:
    daemon.serve_tls(error="Cannot listen on TLS 0.0.0.0:5061: another program uses this port.")
    result = gosip.run("tls", "status")
    assert (result.exit_code, "Trouble: Cannot listen on TLS" in result.stdout) == (1, True)
    assert json.loads(gosip.run("tls", "status", "--json").stdout)["listeners"][0]["state"] == "failed"


def test_switched_off_it_says_how_to_switch_it_on(gosip: Gosip, daemon: StandInDaemon) -> None:
    assert "config set tls_enabled true" in gosip.text("tls", "status")


def test_without_a_running_system_nothing_is_known(gosip: Gosip) -> None:
    assert "not run" in gosip.refused("tls", "status", code=3)
