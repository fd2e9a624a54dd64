"""Which messages belong to a conversation, and whose it is: made when somebody looks, from what has come since.

A conversation is what has one Call-ID. It belongs to the devices that authenticate in it or register with it, and to
the device whose contact it is addressed to. What the ring has dropped is dropped here at the next look.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from sip_daemon.flow import Flow
from sip_daemon.trace.entry import Entry, Kind
from sip_daemon.trace.ring import TraceRing
from sip_daemon.trace.summary import Summary, glance_at, summarize

PORTION = 32
"""Messages read between two looks at what else there is to do: about a millisecond."""

Peer = tuple[str, int, int]
"""Host, port and number of the connection: one phone's end of a flow."""


@dataclass(slots=True)
class Conversation:
    """All entries of one Call-ID."""

    entries: list[Entry] = field(default_factory=list)
    usernames: set[str] = field(default_factory=set)
    """Devices that it certainly belongs to."""
    contacts: set[str] = field(default_factory=set)
    """The URIs that were registered in it."""
    targets: set[str] = field(default_factory=set)
    """The request-URIs that we sent to."""
    peers: set[Peer] = field(default_factory=set)


class TraceIndex:
    """Kept from look to look. To be used inside the event loop."""

    def __init__(self, ring: TraceRing) -> None:
        self._ring = ring
        self._lock = asyncio.Lock()
        self._generation = ring.generation
        self._serial = 0
        self.conversations: dict[str, Conversation] = defaultdict(Conversation)
        self.notes: dict[Peer, list[Entry]] = defaultdict(list)
        self.loose: list[Entry] = []
        """Messages without a Call-ID."""

    async def update(self) -> None:
        """Read what has come since the last time, and let go what the ring let go."""
        async with self._lock:
            newest, count = self._ring.serial, 0
            for host in self._ring.hosts:
                for entry in self._ring.since(host, self._serial):
                    if entry.serial > newest:
                        break  # came while we read: the next time
                    self._take(entry)
                    count += 1
                    if count % PORTION == 0:
                        await asyncio.sleep(0)
            self._serial = newest
            if self._generation != self._ring.generation:
                self._generation = self._ring.generation
                await self._let_go()

    async def _let_go(self) -> None:
        first = {host: self._ring.first_serial(host) for host in self._ring.hosts}

        def living(entries: list[Entry]) -> list[Entry]:
            return [entry for entry in entries if entry.serial >= first.get(entry.flow.remote.host, entry.serial + 1)]

        for number, (call_id, conversation) in enumerate(list(self.conversations.items())):
            conversation.entries = living(conversation.entries)
            if not conversation.entries:
                del self.conversations[call_id]
            if number % PORTION == 0:
                await asyncio.sleep(0)
        self.notes = defaultdict(list, {peer: left for peer, notes in self.notes.items() if (left := living(notes))})
        self.loose = living(self.loose)

    def _take(self, entry: Entry) -> None:
        if entry.kind == Kind.NOTE:
            self.notes[peer_of(entry.flow)].append(entry)
            return
        glance = glance_at(entry.data)
        if not glance.call_id:
            self.loose.append(entry)
            return
        conversation = self.conversations[glance.call_id]
        conversation.entries.append(entry)
        conversation.peers.add(peer_of(entry.flow))
        if entry.kind == Kind.SENT:
            if glance.target:
                conversation.targets.add(glance.target)
        elif glance.names_somebody:
            self._take_names(conversation, summarize(entry.data))

    def _take_names(self, conversation: Conversation, summary: Summary) -> None:
        conversation.usernames.update(summary.usernames)
        if summary.method == "REGISTER":
            conversation.contacts.update(summary.contacts)
            if summary.to_user:
                conversation.usernames.add(summary.to_user)

    # questions

    def of_calls(self, call_ids: Iterable[str]) -> list[Entry]:
        """What was said under these Call-IDs, and what became of the connections meanwhile."""
        entries: list[Entry] = []
        for call_id in call_ids:
            conversation = self.conversations.get(call_id)
            if conversation is not None:
                entries += conversation.entries
                entries += self._notes_beside(conversation)
        return in_order(entries)

    def of_device(self, username: str, contacts: Collection[str], flows: Collection[Flow]) -> list[Entry]:
        """What a device said and heard. `contacts` and `flows` are those of its bindings."""
        own = [one for one in self.conversations.values() if username in one.usernames]
        targets = set(contacts).union(*(one.contacts for one in own))
        peers = {peer_of(flow) for flow in flows}
        entries = [entry for entry in self.loose if peer_of(entry.flow) in peers]
        for conversation in self.conversations.values():
            owners = conversation.usernames
            if username in owners or not targets.isdisjoint(conversation.targets):
                entries += conversation.entries
                entries += self._notes_beside(conversation)
            elif not owners and not peers.isdisjoint(conversation.peers):
                entries += conversation.entries
        for peer in peers:
            entries += self.notes.get(peer, ())
        return in_order(entries)

    def of_hosts(self, hosts: Collection[str]) -> list[Entry]:
        """Everything from and to these addresses."""
        return in_order(entry for host in hosts for entry in self._ring.since(host, 0))

    def _notes_beside(self, conversation: Conversation) -> list[Entry]:
        first, last = conversation.entries[0].at, conversation.entries[-1].at
        notes = [note for peer in conversation.peers for note in self.notes.get(peer, ())]
        return [note for note in notes if first - 1.0 <= note.at <= last + 1.0]


def peer_of(flow: Flow) -> Peer:
    return flow.remote.host, flow.remote.port, flow.connection


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(set(entries), key=lambda entry: entry.serial)
