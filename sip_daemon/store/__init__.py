"""What lasts: the only part of the daemon that sees the database.

    pending   what waits to be written: the last state of each binding and call
    writing   changes to rows
    reading   rows to a `Directory`, to bindings; what a new start has to clean up
    store     one thread with one connection that does both

The rule: nothing here is ever waited for by signalling. A change is handed over in microseconds and written behind;
what has to be read is asked for and comes as a future.
"""

from sip_daemon.store.pending import Change, Event
from sip_daemon.store.store import Store, StoreLimits

__all__ = ["Change", "Event", "Store", "StoreLimits"]
