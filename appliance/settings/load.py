"""Reading the settings from where they were made, and remembering what `gosip up` was started with.

`up` takes the environment of its shell (`Settings.from_environment`) and records it in the run folder; every other
verb, program and hook of that data folder reads the record (`Settings.load`), so that they all mean the same system,
whatever their own environment says. Secrets are never recorded: they come from the environment of the program that
needs them, and from nowhere else.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from appliance.errors import SettingError
from appliance.folders import DataFolder
from appliance.settings.fields import SETTINGS, Setting, SettingValues
from appliance.settings.parsers import NotAllowed

VARIABLES = {setting.variable: setting for setting in SETTINGS.values()}
OF_THE_SCRIPT = {"GOSIP_QUIET", "GOSIP_VENV", "GOSIP_PYTHON"}
"""Variables that the `gosip` script reads, before any program of ours runs."""


class Source(StrEnum):
    """Where a value comes from."""

    ENVIRONMENT = "environment"
    DATABASE = "database"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(SettingValues):
    """All settings of one data folder, each with its source."""

    sources: Mapping[str, Source] = field(default_factory=lambda: MappingProxyType({}))
    """By name; a name that is missing has its default."""
    given: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """The variables that were set, as text, without secrets: what `record_environment` keeps."""
    notes: tuple[str, ...] = ()
    """Sentences for the person who starts the system: variables without effect or with a misspelt name."""

    @classmethod
    def load(cls, data_dir: str | Path | None = None) -> Settings:
        """The settings of a data folder as it was started last. Raises `SettingError`."""
        folder = DataFolder.at(data_dir or data_dir_of(os.environ))
        recorded = read_record(folder)
        if recorded is None:
            return cls.of(folder, os.environ)
        secrets = {name: value for name, value in os.environ.items() if name in VARIABLES and VARIABLES[name].is_secret}
        return cls.of(folder, recorded | secrets)

    @classmethod
    def from_environment(
        cls, data_dir: str | Path | None = None, environment: Mapping[str, str] | None = None
    ) -> Settings:
        """The settings that a start from this shell has; the record of an earlier start is not looked at."""
        environment = os.environ if environment is None else environment
        return cls.of(DataFolder.at(data_dir or data_dir_of(environment)), environment)

    @classmethod
    def of(cls, folder: DataFolder, environment: Mapping[str, str]) -> Settings:
        """From a folder's database and these variables. Raises `SettingError`."""
        given = {name: text for name, text in environment.items() if name in VARIABLES and text != ""}
        given.pop("GOSIP_DATA_DIR", None)
        rows = read_row(folder.database)
        values: dict[str, Any] = {"data_dir": folder.path}
        is_named = folder != DataFolder.at(data_dir_of({}))
        sources: dict[str, Source] = {"data_dir": Source.ENVIRONMENT} if is_named else {}
        for name, setting in SETTINGS.items():
            if setting.variable in given:
                values[name] = parsed(setting, given[setting.variable], setting.variable)
                sources[name] = Source.ENVIRONMENT
            elif (text := text_in(rows, setting)) is not None:
                values[name] = parsed(setting, text, f"The setting {name} in the database")
                sources[name] = Source.DATABASE
            elif setting.is_secret and setting.column is not None and rows.get(setting.column):
                sources[name] = Source.DATABASE  # sealed: whoever needs the value opens it
        if values.get("debug") and "log_level" not in sources:
            values["log_level"], sources["log_level"] = "debug", sources["debug"]
        public = {name: text for name, text in given.items() if not VARIABLES[name].is_secret}
        return cls(
            **values,
            sources=MappingProxyType(sources),
            given=MappingProxyType(public),
            notes=tuple(notes_on(environment)),
        )

    @property
    def folder(self) -> DataFolder:
        return DataFolder.at(self.data_dir)

    def source(self, name: str) -> Source:
        """Where the value of that setting comes from."""
        return self.sources.get(name, Source.DEFAULT)

    def shown(self, name: str) -> str:
        """The value as a person reads it; of a secret only whether it is set."""
        value = getattr(self, name)
        if SETTINGS[name].is_secret:
            return "set" if value or self.source(name) is Source.DATABASE else ""
        return text_of(value)

    def with_values(self, **values: Any) -> Settings:
        """The same with other values: for tests and for what-if questions."""
        return replace(self, **values)


def text_of(value: object) -> str:
    """A value in the form that its parser reads."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case tuple():
            return ", ".join(str(part) for part in value)
    return str(value)


def parsed(setting: Setting, text: str, place: str) -> Any:
    try:
        return setting.parse(text)
    except NotAllowed as error:
        value = "a value that is not allowed" if setting.is_secret else f"{text!r}"
        raise SettingError(f"{place} is {value}. {error}") from error


def data_dir_of(environment: Mapping[str, str]) -> str:
    return environment.get("GOSIP_DATA_DIR") or "data"


def notes_on(environment: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(environment):
        setting = VARIABLES.get(name)
        if setting is not None and not setting.is_offered and environment[name] and name.startswith("GOSIP_"):
            yield f"{name} is set, but has no effect in this version."
        elif setting is None and name.startswith("GOSIP_") and name not in OF_THE_SCRIPT:
            near = difflib.get_close_matches(name, [known for known in VARIABLES if VARIABLES[known].is_offered], 1)
            yield f"{name} is not a setting of GoSIP" + (f"; did you mean {near[0]}?" if near else ".")


def text_in(row: Mapping[str, Any], setting: Setting) -> str | None:
    """The text that the database has for a setting, or None when it says nothing."""
    value = row.get(setting.column) if setting.column is not None and not setting.is_secret else None
    return None if value is None or value == "" or value == setting.unset else str(value)


def read_row(database: Path) -> dict[str, Any]:
    """The row of `config`; empty where there is none yet, or where this program may not read it."""
    # Straight from SQLite: every program reads its settings first, and none should need the models for it.
    uri = f"file:{quote(str(database))}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=5.0)) as connection:
            connection.row_factory = sqlite3.Row
            row = connection.execute("SELECT * FROM config WHERE id = 1").fetchone()
    except sqlite3.Error:
        # A database that cannot be used is reported by whoever opens it, with the reason.
        return {}
    return dict(row) if row is not None else {}


def read_record(folder: DataFolder) -> dict[str, str] | None:
    """The variables of the last start; None when there was none."""
    try:
        recorded = json.loads(folder.environment.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SettingError(
            f"The record of the last start, {folder.environment}, cannot be read. Run `gosip up` again."
        ) from error
    return {str(name): str(value) for name, value in recorded.items()} if isinstance(recorded, dict) else None


def record_environment(folder: DataFolder, settings: Settings) -> None:
    """Keep what this start was given, for every verb and program of the folder. No secret is written."""
    temporary = folder.environment.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(dict(settings.given), file, indent=2, sort_keys=True)
        file.write("\n")
    temporary.chmod(0o600)
    temporary.replace(folder.environment)
