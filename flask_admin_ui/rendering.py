"""What templates may call: addresses of files, times in the viewer's zone, and short forms of long things."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from babel.dates import get_timezone as find_timezone
from flask import Flask, request, url_for
from flask_babel import Babel, format_decimal, get_locale, get_timezone

from flask_admin_ui.wording import audit_action, binding_trouble

TIMEZONE_COOKIE = "gosip_timezone"
TIMEZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(/[A-Za-z0-9_+-]{1,30}){0,2}")
FORMATS = {
    "datetime": "%-d %b %Y, %H:%M:%S",
    "date": "%-d %b %Y",
    "time": "%H:%M:%S",
    "hour": "%H:%M",
}


def install(app: Flask) -> None:
    """Give the templates of `app` their functions and filters."""
    Babel(app, timezone_selector=viewer_timezone)
    versions = file_versions(Path(app.static_folder or ""))

    def asset(name: str) -> str:
        return url_for("static", filename=name, v=versions.get(name))

    app.jinja_env.globals.update(
        asset=asset,
        locale=lambda: str(get_locale()),
        timezone=lambda: str(get_timezone()),
        now=lambda: f"{time.time():.3f}",
    )
    app.jinja_env.filters.update(
        action=audit_action,
        amount=format_decimal,
        isotime=isotime,
        localtime=localtime,
        duration=duration,
        shorten=shorten,
        browser=browser,
        detail=detail,
        trouble=binding_trouble,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def file_versions(folder: Path) -> dict[str, str]:
    """The content hash of each static file, so that a browser may keep it for ever and still gets the new one."""
    versions = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in folder.glob("*") if path.is_file()
    }
    manifest = folder / "vendor" / "manifest.json"
    if manifest.exists():
        vendored: Mapping[str, str] = json.loads(manifest.read_text())["files"]
        versions.update({f"vendor/{name}": value for name, value in vendored.items()})
    return versions


def viewer_timezone() -> tzinfo:
    """The zone that the viewer's browser told in a cookie; UTC for anything that is no zone."""
    name = request.cookies.get(TIMEZONE_COOKIE, "") if request else ""
    if TIMEZONE_NAME.fullmatch(name):
        try:
            return find_timezone(name)
        except LookupError:
            pass
    return UTC


Moment = datetime | float | int | None


def as_datetime(value: Moment) -> datetime | None:
    """Database columns and daemon answers hold Unix seconds; either form is taken."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def isotime(value: Moment) -> str:
    """RFC 3339 in UTC, for the datetime attribute and the API; empty for no time."""
    moment = as_datetime(value)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else ""


def localtime(value: Moment, form: str = "datetime") -> str:
    """In the viewer's time zone."""
    moment = as_datetime(value)
    return str(moment.astimezone(get_timezone()).strftime(FORMATS[form])) if moment else ""


def duration(seconds: float | None) -> str:
    """1:05 or 2:03:04, as phones show it."""
    if seconds is None:
        return ""
    whole = max(0, int(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser(user_agent: str | None) -> str:
    """ "Firefox on Linux": the two words of a User-Agent that a person recognises a session by."""
    text = user_agent or ""
    program = next((name for mark, name in BROWSERS if mark in text), None)
    system = next((name for mark, name in SYSTEMS if mark in text), None)
    if program is None:
        return shorten(text, 40) or "-"
    return f"{program} on {system}" if system else program


def detail(value: Any) -> str:
    """The detail of an audit row in one line."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return str(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {plain(one)}" for name, one in value.items())
    return plain(value)


def plain(value: Any) -> str:
    match value:
        case None:
            return "-"
        case True:
            return "yes"
        case False:
            return "no"
        case Mapping():
            return " → ".join(plain(one) for one in value.values())
        case list() | tuple():
            return " → ".join(plain(one) for one in value)
    return str(value)
