"""Settings: environment before database before default, and what a start was given holds for the whole folder."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import fields

import pytest
from peewee import SqliteDatabase

from appliance.database.models import Config
from appliance.errors import SettingError
from appliance.folders import DataFolder
from appliance.secret import Secret
from appliance.settings import SETTINGS, PortRange, Settings, SettingValues, Source, record_environment


def loaded(folder: DataFolder, **environment: str) -> Settings:
    return Settings.from_environment(folder.path, environment)


def store(**columns: object) -> None:
    Config.update(columns).execute()


def test_an_untouched_system_has_the_documented_defaults(folder: DataFolder) -> None:
    settings = loaded(folder)
    assert settings.data_dir == folder.path
    assert settings.sip_domain == "localhost"
    assert (settings.sip_port, settings.http_port, settings.https_port) == (5060, 8080, 8443)
    assert (settings.tls_port, settings.tls_wss_port) == (5061, 5081)
    assert settings.rtp_ports == PortRange(20000, 29999)
    assert settings.bind_address == settings.external_ip == settings.database_url == ""
    assert settings.log_level == "info"
    assert settings.media_workers >= 1


def test_the_encryption_settings_have_the_names_and_defaults_of_the_plan(database: SqliteDatabase) -> None:
    defaults = SettingValues()
    expected: Mapping[str, tuple[str, object]] = {
        "tls_enabled": ("GOSIP_TLS_ENABLED", False),
        "tls_port": ("GOSIP_TLS_PORT", 5061),
        "tls_wss_port": ("GOSIP_TLS_WSS_PORT", 5081),
        "tls_cert_mode": ("GOSIP_TLS_CERT_MODE", "acme"),
        "tls_cert_file": ("GOSIP_TLS_CERT_FILE", ""),
        "tls_key_file": ("GOSIP_TLS_KEY_FILE", ""),
        "tls_ca_file": ("GOSIP_TLS_CA_FILE", ""),
        "acme_email": ("GOSIP_ACME_EMAIL", ""),
        "acme_domain": ("GOSIP_ACME_DOMAIN", ""),
        "acme_domains": ("GOSIP_ACME_DOMAINS", ()),
        "acme_ca": ("GOSIP_ACME_CA", "staging"),
        "cloudflare_dns_api_token": ("CLOUDFLARE_DNS_API_TOKEN", None),
        "tls_min_version": ("GOSIP_TLS_MIN_VERSION", "1.2"),
        "tls_client_auth": ("GOSIP_TLS_CLIENT_AUTH", "none"),
        "srtp_enabled": ("GOSIP_SRTP_ENABLED", False),
        "srtp_profile": ("GOSIP_SRTP_PROFILE", "AES_CM_128_HMAC_SHA1_80"),
    }
    for name, (variable, default) in expected.items():
        assert (SETTINGS[name].variable, getattr(defaults, name)) == (variable, default)
        assert SETTINGS[name].column in Config._meta.columns


def test_every_column_of_a_setting_exists_and_every_setting_is_explained(database: SqliteDatabase) -> None:
    for setting in SETTINGS.values():
        assert setting.column is None or setting.column in Config._meta.columns, setting.name
        assert setting.help.endswith("."), setting.name


def test_each_variable_names_one_setting() -> None:
    assert len({setting.variable for setting in SETTINGS.values()}) == len(fields(SettingValues))


def test_the_environment_wins_over_the_database_and_that_over_the_default(
    database: SqliteDatabase, folder: DataFolder
) -> None:
    assert (loaded(folder).sip_port, loaded(folder).source("sip_port")) == (5060, Source.DEFAULT)
    store(sip_port=5070)
    assert (loaded(folder).sip_port, loaded(folder).source("sip_port")) == (5070, Source.DATABASE)
    settings = loaded(folder, GOSIP_SIP_PORT="5080")
    assert (settings.sip_port, settings.source("sip_port")) == (5080, Source.ENVIRONMENT)


def test_the_literal_default_of_a_column_says_nothing(database: SqliteDatabase, folder: DataFolder) -> None:
    settings = loaded(folder)
    assert settings.source("tls_enabled") == settings.source("tls_cert_mode") == Source.DEFAULT
    store(tls_enabled=1)
    assert loaded(folder).tls_enabled is True
    assert loaded(folder).source("tls_enabled") == Source.DATABASE


def test_an_empty_variable_is_no_value(folder: DataFolder) -> None:
    assert loaded(folder, GOSIP_SIP_PORT="").source("sip_port") == Source.DEFAULT


def test_a_bad_variable_is_one_sentence_with_name_value_and_what_is_allowed(folder: DataFolder) -> None:
    with pytest.raises(SettingError) as caught:
        loaded(folder, GOSIP_SIP_PORT="many")
    assert str(caught.value) == "GOSIP_SIP_PORT is 'many'. Allowed is a whole number from 1 to 65535."


def test_a_bad_value_in_the_database_is_named_as_such(database: SqliteDatabase, folder: DataFolder) -> None:
    store(log_level="loud")
    with pytest.raises(SettingError, match="The setting log_level in the database is 'loud'"):
        loaded(folder)


def test_postgresql_is_refused_in_words(folder: DataFolder) -> None:
    with pytest.raises(SettingError, match=r"GOSIP_DATABASE_URL .* PostgreSQL is not supported yet"):
        loaded(folder, GOSIP_DATABASE_URL="postgresql://localhost/gosip")


def test_the_data_folder_is_that_of_the_option_then_of_the_variable(folder: DataFolder) -> None:
    assert Settings.from_environment(None, {"GOSIP_DATA_DIR": str(folder.path)}).data_dir == folder.path
    assert Settings.from_environment(folder.path, {"GOSIP_DATA_DIR": "/elsewhere"}).data_dir == folder.path


def test_debug_is_another_word_for_the_log_level(folder: DataFolder) -> None:
    assert loaded(folder, GOSIP_DEBUG="true").log_level == "debug"
    assert loaded(folder, GOSIP_DEBUG="true", GOSIP_LOG_LEVEL="error").log_level == "error"


def test_a_recorded_start_holds_for_every_later_verb(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    record_environment(folder, loaded(folder, GOSIP_SIP_PORT="5070", TZ="Europe/Berlin"))
    monkeypatch.setenv("GOSIP_SIP_PORT", "5999")
    settings = Settings.load(folder.path)
    assert (settings.sip_port, settings.timezone) == (5070, "Europe/Berlin")
    assert settings.source("sip_port") == Source.ENVIRONMENT


def test_without_a_recorded_start_the_own_environment_holds(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOSIP_SIP_PORT", "5999")
    assert Settings.load(folder.path).sip_port == 5999


def test_a_new_start_does_not_look_at_the_record_of_the_last(folder: DataFolder) -> None:
    record_environment(folder, loaded(folder, GOSIP_SIP_PORT="5070"))
    assert loaded(folder).sip_port == 5060


def test_the_record_is_private_and_contains_no_secret(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    record_environment(folder, loaded(folder, TWILIO_AUTH_TOKEN="hidden", GOSIP_SIP_PORT="5070", HOME="/root"))
    assert stat.S_IMODE(folder.environment.stat().st_mode) == 0o600
    assert json.loads(folder.environment.read_text()) == {"GOSIP_SIP_PORT": "5070"}


def test_a_secret_comes_from_the_environment_of_the_program(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_environment(folder, loaded(folder))
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "hidden")
    settings = Settings.load(folder.path)
    assert settings.twilio_auth_token == Secret("hidden")
    assert "hidden" not in repr(settings)
    assert settings.shown("twilio_auth_token") == "set"


def test_a_damaged_record_is_said_in_words(folder: DataFolder) -> None:
    folder.environment.write_text("{")
    with pytest.raises(SettingError, match="gosip up"):
        Settings.load(folder.path)


def test_a_misspelt_variable_is_noted_with_the_likely_name(folder: DataFolder) -> None:
    assert loaded(folder, GOSIP_SIP_PROT="5070").notes == (
        "GOSIP_SIP_PROT is not a setting of GoSIP; did you mean GOSIP_SIP_PORT?",
    )


def test_a_variable_of_a_part_that_is_not_there_yet_is_noted(folder: DataFolder) -> None:
    assert loaded(folder, GOSIP_SRTP_ENABLED="true").notes == (
        "GOSIP_SRTP_ENABLED is set, but has no effect in this version.",
    )


def test_the_variables_of_the_script_are_known(folder: DataFolder) -> None:
    assert loaded(folder, GOSIP_QUIET="1", GOSIP_SIP_PORT="5070", PATH="/bin").notes == ()


def test_values_are_shown_in_the_form_that_is_read(folder: DataFolder) -> None:
    settings = loaded(folder, GOSIP_RTP_PORTS="30000-30999", GOSIP_ADMIN_NETWORKS="192.0.2.0/24, 2001:db8::/32")
    for name in ("rtp_ports", "admin_networks", "debug", "sip_domain"):
        assert SETTINGS[name].parse(settings.shown(name)) == getattr(settings, name)
