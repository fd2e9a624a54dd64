"""SIP messages as a ladder: a lane for GoSIP and for each phone, and an arrow for each message.

With more phones than a screen has room for, all of them share one lane, and each row names its address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask_babel import gettext

from appliance.operations.trace import kind_of

MAX_PEERS: Final = 3
GOSIP: Final = 2
"""Its lane: who speaks first is left of it, all others are right of it."""
MAX_LABEL: Final = 60


@dataclass(frozen=True, slots=True)
class Lane:
    """One end."""

    name: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Rung:
    """A message, or news of a connection."""

    entry: Mapping[str, Any]
    offset: str
    """Since the first one, as a clock."""
    left: int
    right: int
    """Lanes, from 1."""
    points: str
    """left or right; empty for news."""
    kind: str
    """request, provisional, success, again, failure, malformed or note."""
    label: str
    method: str
    """Of a response: what it answers."""
    hint: str
    """What stands smaller beside the label."""
    peer: str
    """Who it is, where all share one lane; else empty."""
    words: str
    """The whole row as a sentence, for those who do not see arrows."""


@dataclass(frozen=True, slots=True)
class Ladder:
    lanes: tuple[Lane, ...]
    rungs: tuple[Rung, ...]
    left_out: int
    """Older messages that are not shown."""
    is_kept: bool
    """Whether the system keeps messages at all."""

    @property
    def begins_at(self) -> float | None:
        return self.rungs[0].entry["at"] if self.rungs else None


def ladder(answer: Mapping[str, Any], names: Mapping[str, str]) -> Ladder:
    """Of an answer of `trace.read`. `names` tells who is at an address, with its port."""
    entries = answer["entries"]
    key, peers = peers_of(entries)
    is_shared = peers == [""]
    order = {peer: 1 if number == 0 else GOSIP + number for number, peer in enumerate(peers)}
    others = [lane_of(peer, entries, names) for peer in peers]
    lanes = (*others[:1], Lane("GoSIP"), *others[1:]) if others else ()
    begin = entries[0]["at"] if entries else 0.0
    rungs = []
    for entry in entries:
        lane = order[key(entry)]
        who = names.get(remote_of(entry), remote_of(entry)) if is_shared else lanes[lane - 1].name
        rungs.append(rung_of(entry, entry["at"] - begin, lane, who, is_shared=is_shared))
    return Ladder(lanes, tuple(rungs), answer["total"] - len(entries), answer["budget_bytes"] > 0)


def peers_of(entries: Sequence[Mapping[str, Any]]) -> tuple[Callable[[Mapping[str, Any]], str], list[str]]:
    """By what the other ends are told apart, and which there are: addresses with ports, addresses, or none."""
    # News of a connection come before its first message, but nobody speaks by them.
    speaking = sorted(entries, key=lambda entry: entry["direction"] == "note")
    keys: tuple[Callable[[Mapping[str, Any]], str], ...] = (remote_of, host_of)
    for key in keys:
        peers = list(dict.fromkeys(key(entry) for entry in speaking))
        if len(peers) <= MAX_PEERS:
            return key, peers
    return (lambda entry: ""), [""]  # noqa: ARG005


def remote_of(entry: Mapping[str, Any]) -> str:
    return str(entry["remote"])


def host_of(entry: Mapping[str, Any]) -> str:
    return remote_of(entry).rpartition(":")[0]


def lane_of(peer: str, entries: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> Lane:
    if not peer:
        return Lane(gettext("The others"))
    at_peer = {remote_of(entry) for entry in entries if peer in (remote_of(entry), host_of(entry))}
    known = sorted({names[remote] for remote in at_peer if remote in names})
    return Lane(", ".join(known[:2]), peer) if known else Lane(peer)


def rung_of(entry: Mapping[str, Any], offset: float, lane: int, who: str, *, is_shared: bool) -> Rung:
    is_sent = entry["direction"] == "sent"
    is_note = entry["direction"] == "note"
    label, method, hint = label_of(entry)
    if is_note:
        words = gettext("Connection to %(peer)s: %(what)s", peer=who, what=label)
    else:
        source, target = ("GoSIP", who) if is_sent else (who, "GoSIP")
        what = " ".join(filter(None, (label, method, hint)))
        words = gettext("%(what)s from %(source)s to %(target)s", what=what, source=source, target=target)
    return Rung(
        entry=entry,
        offset=clock(offset),
        left=min(lane, GOSIP),
        right=max(lane, GOSIP),
        points="" if is_note else "right" if is_sent == (lane > GOSIP) else "left",
        kind=kind_of(entry),
        label=label,
        method=method,
        hint=hint,
        peer=who if is_shared else "",
        words=words,
    )


def label_of(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    """What stands above the arrow: label, method of a response, hints."""
    title = str(entry["title"])
    hints = [word for word, holds in (("SDP", entry["has_sdp"]), (gettext("again"), entry["repeated"])) if holds]
    hint = " ".join(hints)
    if entry["kind"] == "response":
        label = title.partition(" ")[2].strip() or title
        return label[:MAX_LABEL], str(entry["method"]), hint
    if entry["kind"] == "request":
        return str(entry["method"]) or title[:MAX_LABEL], "", hint
    return title[:MAX_LABEL], "", hint


def clock(seconds: float) -> str:
    """12.345, 1:02.345 or 1:01:02.345: to the millisecond."""
    whole, thousandths = divmod(round(max(0.0, seconds) * 1000), 1000)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}.{thousandths:03}"
    return f"{minutes}:{rest:02}.{thousandths:03}" if minutes else f"{rest}.{thousandths:03}"
