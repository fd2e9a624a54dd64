"""The composition root of the signalling process: builds every part, joins them, starts and stops them in order.

    daemon          the parts, their start and their end
    dispatch        which transaction user gets a request
    configuration   the directory as it is now, with our own names and addresses
    live_trace      whose messages somebody wants to see
    live            what the control socket tells of it all

Nothing else in `sip_daemon` knows settings, the database's place or the process it runs in.
"""

from sip_daemon.daemon.daemon import SipDaemon, StartError

__all__ = ["SipDaemon", "StartError"]
