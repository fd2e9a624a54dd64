"""SIP messages: from bytes to values and back (RFC 3261 §7, §19, §20, §25).

One rule: no socket, no clock, no state beyond one message. Any bytes from the network give a value or a
`RemoteProtocolError`.
"""

from sip_daemon.message.address import STAR, NameAddress, Star
from sip_daemon.message.credentials import DigestChallenge, DigestCredentials
from sip_daemon.message.cseq import CSeq
from sip_daemon.message.framing import PING_BYTES, PONG_BYTES, Frame, Ping, Pong, StreamFramer
from sip_daemon.message.headers import Headers
from sip_daemon.message.identifiers import new_branch, new_call_id, new_tag
from sip_daemon.message.limits import DEFAULT_LIMITS, MessageLimits
from sip_daemon.message.malformed import MalformedMessage
from sip_daemon.message.parameters import Parameters, UriHeaders, UriParameters
from sip_daemon.message.parser import parse_message
from sip_daemon.message.request import Request
from sip_daemon.message.response import Response
from sip_daemon.message.status import reason_phrase
from sip_daemon.message.uri import Uri
from sip_daemon.message.via import MAGIC_COOKIE, Via

__all__ = [
    "DEFAULT_LIMITS",
    "MAGIC_COOKIE",
    "PING_BYTES",
    "PONG_BYTES",
    "STAR",
    "CSeq",
    "DigestChallenge",
    "DigestCredentials",
    "Frame",
    "Headers",
    "MalformedMessage",
    "MessageLimits",
    "NameAddress",
    "Parameters",
    "Ping",
    "Pong",
    "Request",
    "Response",
    "Star",
    "StreamFramer",
    "Uri",
    "UriHeaders",
    "UriParameters",
    "Via",
    "new_branch",
    "new_call_id",
    "new_tag",
    "parse_message",
    "reason_phrase",
]
