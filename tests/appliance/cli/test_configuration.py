"""gosip config show, set, unset; gosip key new."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.settings import SETTINGS, Settings, record_environment
from tests.support.cli import Gosip


def shown(gosip: Gosip, name: str) -> dict[str, Any]:
    (item,) = gosip.json("config", "show", name)["items"]
    assert isinstance(item, dict)
    return item


def started_with(gosip: Gosip, **variables: str) -> None:
    """As after `gosip up` with these variables."""
    settings = Settings.from_environment(gosip.data, variables)
    record_environment(settings.folder, settings)


def test_every_offered_setting_is_shown_with_its_source(gosip: Gosip) -> None:
    items = gosip.json("config", "show")["items"]
    assert [item["name"] for item in items] == [name for name, setting in SETTINGS.items() if setting.is_offered]
    assert {item["source"] for item in items} <= {"environment", "database", "default"}


def test_one_setting_is_shown_with_what_it_is_for(gosip: Gosip) -> None:
    assert gosip.text("config", "show", "sip_port").splitlines()[-1] == SETTINGS["sip_port"].help


def test_a_setting_is_found_by_its_variable_too(gosip: Gosip) -> None:
    assert shown(gosip, "GOSIP_SIP_PORT")["name"] == "sip_port"


def test_a_stored_value_holds_from_the_next_start(gosip: Gosip) -> None:
    assert gosip.text("config", "set", "sip_port", "5070") == (
        "sip_port is 5070 (database). It takes effect at the next `gosip up`.\n"
    )
    assert Settings.load(gosip.data).sip_port == 5070


def test_a_stored_value_can_be_taken_back(gosip: Gosip) -> None:
    gosip.text("config", "set", "sip_port", "5070")
    view = gosip.json("config", "unset", "sip_port")
    assert (view["value"], view["source"]) == ("5060", "default")


def test_a_value_that_is_not_allowed_is_refused_with_what_is(gosip: Gosip) -> None:
    assert "from 1 to 65535" in gosip.refused("config", "set", "sip_port", "99999")


@pytest.mark.parametrize("verb", [("set", "sip_port", "5080"), ("unset", "sip_port")])
def test_what_the_environment_decides_is_refused_with_the_variable(gosip: Gosip, verb: tuple[str, ...]) -> None:
    started_with(gosip, GOSIP_SIP_PORT="5070")
    said = gosip.refused("config", *verb)
    assert "sip_port is 5070 by the variable GOSIP_SIP_PORT" in said
    assert Settings.load(gosip.data).sip_port == 5070


def test_an_unknown_setting_is_refused(gosip: Gosip) -> None:
    assert gosip.error("config", "set", "colour", "red")["kind"] == "not_found"


def test_a_setting_that_only_the_environment_has_is_refused_with_its_variable(gosip: Gosip) -> None:
    assert "GOSIP_DATABASE_URL" in gosip.refused("config", "set", "database_url", "sqlite:///x")


def test_settings_can_be_stored_before_the_first_start(nowhere: Gosip) -> None:
    assert nowhere.run("config", "set", "rtp_ports", "30000-30999").exit_code == 0
    assert str(Settings.load(nowhere.data).rtp_ports) == "30000-30999"


def test_a_good_key_is_never_replaced(gosip: Gosip) -> None:
    assert gosip.error("key", "new")["kind"] == "conflict"


def test_a_lost_key_is_replaced_and_the_loss_is_told(gosip: Gosip) -> None:
    gosip.text("device", "add", "201")
    gosip.data.joinpath("secret.key").unlink()
    assert "`gosip key new`" in gosip.refused("device", "list")
    assert gosip.json("key", "new") == {"devices": 1, "second_factors": [], "service_secrets": 0}
    gosip.text("device", "password", "201")


def test_a_key_is_not_made_where_there_is_no_system(nowhere: Gosip) -> None:
    nowhere.refused("key", "new", code=3)
    assert not nowhere.data.exists()
