"""Dialogs: the lasting relation of two user agents (RFC 3261 §12), without a socket or a clock."""

from sip_daemon.dialog.dialog import Dialog
from sip_daemon.dialog.identity import DialogId, DialogState
from sip_daemon.dialog.rack import ProvisionalOrder, RAck, rseq_of
from sip_daemon.dialog.reliable import ReliableProvisionals
from sip_daemon.dialog.table import DialogTable

__all__ = [
    "Dialog",
    "DialogId",
    "DialogState",
    "DialogTable",
    "ProvisionalOrder",
    "RAck",
    "ReliableProvisionals",
    "rseq_of",
]
