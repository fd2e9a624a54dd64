"""The settings: environment before database before default. Nothing else in GoSIP reads the environment."""

from __future__ import annotations

from appliance.settings.fields import SETTINGS, Setting, SettingValues
from appliance.settings.load import Settings, Source, record_environment
from appliance.settings.parsers import PortRange

__all__ = ["SETTINGS", "PortRange", "Setting", "SettingValues", "Settings", "Source", "record_environment"]
