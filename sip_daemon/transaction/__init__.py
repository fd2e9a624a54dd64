"""SIP transactions: one request and everything that answers it, without a socket or a clock.

`TransactionLayer` is the door; the four machines of RFC 3261 §17 with RFC 6026 stand behind it.
"""

from sip_daemon.transaction.client import ClientTransaction
from sip_daemon.transaction.events import (
    AckReceived,
    CancelReceived,
    Output,
    RequestReceived,
    ResponseReceived,
    StrayResponse,
    TimedOut,
    TransactionEvent,
    TransportFailed,
)
from sip_daemon.transaction.layer import TransactionLayer
from sip_daemon.transaction.limits import TransactionCounts, TransactionLimits
from sip_daemon.transaction.server import ServerTransaction
from sip_daemon.transaction.tables import State
from sip_daemon.transaction.timers import TimerValues

__all__ = [
    "AckReceived",
    "CancelReceived",
    "ClientTransaction",
    "Output",
    "RequestReceived",
    "ResponseReceived",
    "ServerTransaction",
    "State",
    "StrayResponse",
    "TimedOut",
    "TimerValues",
    "TransactionCounts",
    "TransactionEvent",
    "TransactionLayer",
    "TransactionLimits",
    "TransportFailed",
]
