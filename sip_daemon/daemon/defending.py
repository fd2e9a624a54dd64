"""Joins the defence to the settings and to the list of events."""

from __future__ import annotations

from appliance.settings import Settings
from sip_daemon.defence import Defence, News
from sip_daemon.store import Event


def defend_as_set(defence: Defence, settings: Settings) -> None:
    """Take the settings that may change while we run."""
    defence.configure(settings.ban_after, settings.never_ban.networks, trusts_local=settings.never_ban.local)


def event_of(news: News) -> Event:
    return Event(news.kind, news.message, news.severity, detail=news.detail)
