"""The directory as signalling sees it: what the store last read, and the names and addresses that are ours.

Whoever dials or registers at any address or name of this machine means us (rulings: one user namespace), so they are
added to the domains of every directory. Addresses come and go while we run.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from dataclasses import replace

from sip_daemon.directory import Directory


def own_names(sip_domain: str, external_ip: str, bind_address: str) -> frozenset[str]:
    """The names that do not change while we run, in lower case."""
    host = socket.gethostname()
    names = (sip_domain, external_ip, bind_address, "localhost", host, host.partition(".")[0])
    return frozenset(name.lower() for name in names if name)


class Configuration:
    """The current directory. `hosts` gives the addresses of this machine."""

    def __init__(self, directory: Directory, names: Iterable[str], hosts: Callable[[], frozenset[str]]) -> None:
        self._loaded = directory
        self._names = frozenset(names)
        self._hosts = hosts
        self._known_hosts = hosts()
        self._directory = self._complete()

    def __call__(self) -> Directory:
        """The directory of this moment: an immutable value, to be asked for anew for each request."""
        return self._directory

    def take(self, directory: Directory) -> None:
        """The store has read another one."""
        self._loaded = directory
        self._directory = self._complete()

    def look_at_addresses(self) -> None:
        """Add addresses that came, drop those that went."""
        hosts = self._hosts()
        if hosts != self._known_hosts:
            self._known_hosts = hosts
            self._directory = self._complete()

    def _complete(self) -> Directory:
        domains = self._loaded.domains | self._names | {host.lower() for host in self._known_hosts}
        return replace(self._loaded, domains=frozenset(domains))
