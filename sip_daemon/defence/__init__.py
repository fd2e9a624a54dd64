"""Who is kept out, and what is put off when there is too much: decided by socket address, never by what a header says.

    limits      how much is too much, and for how long
    ban         the bans: growing, bounded, ended by time
    suspects    what is held against each source
    neighbours  who is never banned: sources of registered phones, trusted networks
    ration      what strangers may try from where a registered phone lives
    defence     the decisions that these make together
    overload    whether the machine can keep up, and what is put off when it cannot

The rule: good times pay next to nothing. A datagram from anybody costs the look at an empty table; a challenge that is
answered costs one entry, made and taken out again.
"""

from sip_daemon.defence.ban import Ban, BanChange, BanTable
from sip_daemon.defence.defence import Defence, News
from sip_daemon.defence.limits import DefenceLimits
from sip_daemon.defence.neighbours import Neighbours
from sip_daemon.defence.overload import Overload

__all__ = ["Ban", "BanChange", "BanTable", "Defence", "DefenceLimits", "Neighbours", "News", "Overload"]
