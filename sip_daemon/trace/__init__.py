"""Sight into signalling: the last SIP messages in memory, so that they can be looked at under every transport.

    entry       what is kept of a message or of a connection's news
    ring        where it is kept: the one part that signalling pays for, bounded in bytes
    fields      a message cut into lines, whatever it is made of
    redaction   the text that may leave the process
    summary     what a message says of itself
    index       which messages belong to a conversation, a device, a peer; made when somebody looks
    reader      answers to those who look

The rule: nothing of a message leaves this process but by `redaction`.
"""

from sip_daemon.trace.entry import RECEIVED, SENT, Entry, Kind
from sip_daemon.trace.reader import DeviceHints, TraceReader, TraceView
from sip_daemon.trace.ring import NO_TRACE, NoTrace, Trace, TraceRing

__all__ = [
    "NO_TRACE",
    "RECEIVED",
    "SENT",
    "DeviceHints",
    "Entry",
    "Kind",
    "NoTrace",
    "Trace",
    "TraceReader",
    "TraceRing",
    "TraceView",
]
