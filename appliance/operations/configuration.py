"""The settings that can be changed while the system exists: what the environment does not say, the database may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.database.models import Config
from appliance.errors import Conflict, Invalid, NotFound
from appliance.operations.change import configuration_change
from appliance.operations.context import Context
from appliance.settings import SETTINGS, Setting, Settings, Source
from appliance.settings.parsers import NotAllowed

NO_SUCH_SETTING = "There is no setting {name}. `gosip config show` lists them all."
ONLY_ENVIRONMENT = "{name} is set by the variable {variable} only."
LOCKED = (
    "{name} is {value} by the variable {variable}, with which GoSIP was started, and the variable wins. Nothing was "
    "changed: take {variable} away or change it, and start GoSIP again."
)
KEPT_SEALED = "{name} is a secret, and not set here: gosip cloudflare token set takes it on standard input."
NOT_YET = "{name} belongs to a part of GoSIP that this version does not have yet."


@dataclass(frozen=True, slots=True)
class SettingView:
    """One setting as shown; the value of a secret is `set` or empty."""

    name: str
    variable: str
    value: str
    source: Source
    help: str
    can_be_set: bool
    """Whether `set_setting` takes it."""
    is_kept_sealed: bool
    """Whether it is a secret that the database may hold, and a verb of its own sets it."""


def list_settings(context: Context) -> tuple[SettingView, ...]:
    """All settings that this version offers; for administrators."""
    context.require_admin()
    settings = current_settings(context)
    return tuple(view_of(settings, setting) for setting in SETTINGS.values() if setting.is_offered)


def get_setting(context: Context, name: str) -> SettingView:
    """Raises `NotFound`."""
    context.require_admin()
    return view_of(current_settings(context), find_setting(name))


def set_setting(context: Context, name: str, text: str | None) -> SettingView:
    """Keep a value in the database; None takes it back. What follows a change at once says so in its help; the rest
    takes effect when the programs start again.

    Raises `Conflict` when a variable of the environment decides, `Invalid`, `NotFound` or `Forbidden`.
    """
    return set_settings(context, {name: text})[0]


def set_settings(context: Context, wanted: Mapping[str, str | None]) -> tuple[SettingView, ...]:
    """Keep several values, all of them or none: what belongs together is never seen half changed.

    All faults are gathered before `Invalid` is raised; otherwise as `set_setting`.
    """
    context.require_admin()
    settings = current_settings(context)
    changes = [Wanted.checked(settings, name, text) for name, text in wanted.items()]
    faults = {change.setting.name: change.fault for change in changes if change.fault}
    if faults:
        raise Invalid(faults)
    if changes:
        with configuration_change(context) as now:
            Config.update({change.column: change.value for change in changes}).execute()
            for change in changes:
                now.audit("config.set", change.setting.name, before=change.before, value=change.text)
    settings = current_settings(context)
    return tuple(view_of(settings, change.setting) for change in changes)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One setting that is to have another value."""

    setting: Setting
    column: str
    value: object
    """For the column."""
    before: str
    text: str
    fault: str = ""
    """Why it is refused."""

    @classmethod
    def checked(cls, settings: Settings, name: str, text: str | None) -> Wanted:
        """Raises `NotFound`, `Conflict`, and `Invalid` where the setting cannot be kept at all."""
        setting = find_setting(name)
        column = column_of(setting)
        before = view_of(settings, setting)
        if before.source is Source.ENVIRONMENT:
            locked = LOCKED.format(name=before.name, value=before.value, variable=before.variable)
            raise Conflict(locked, field=before.name)
        if text is None or text == "":
            return cls(setting, column, setting.unset, before.value, "")
        try:
            return cls(setting, column, checked(setting, text), before.value, text)
        except Invalid as error:
            return cls(setting, column, None, before.value, text, error.details[setting.name])


def current_settings(context: Context) -> Settings:
    """As the next program that starts will read them."""
    return Settings.load(context.appliance.folder.path)


def find_setting(name: str) -> Setting:
    """By its name, or by that of its variable."""
    folded = name.strip().lower()
    found = SETTINGS.get(folded) or next((s for s in SETTINGS.values() if s.variable.lower() == folded), None)
    if found is None:
        raise NotFound(NO_SUCH_SETTING.format(name=name))
    return found


def column_of(setting: Setting) -> str:
    if not setting.is_offered:
        raise Invalid({setting.name: NOT_YET.format(name=setting.name)})
    if setting.is_secret and setting.column is not None:
        raise Invalid({setting.name: KEPT_SEALED.format(name=setting.name)})
    if setting.column is None:
        raise Invalid({setting.name: ONLY_ENVIRONMENT.format(name=setting.name, variable=setting.variable)})
    return setting.column


def checked(setting: Setting, text: str) -> object:
    """The value for the column: numbers as numbers, all else in the form that the parser reads."""
    try:
        value = setting.parse(text)
    except NotAllowed as error:
        raise Invalid({setting.name: f"{setting.name} is {text!r}. {error}"}) from error
    if isinstance(value, bool):
        return int(value)
    return value if isinstance(value, int | str) else text


def view_of(settings: Settings, setting: Setting) -> SettingView:
    return SettingView(
        name=setting.name,
        variable=setting.variable,
        value=settings.shown(setting.name),
        source=settings.source(setting.name),
        help=setting.help,
        can_be_set=setting.is_offered and setting.column is not None and not setting.is_secret,
        is_kept_sealed=setting.column is not None and setting.is_secret,
    )
