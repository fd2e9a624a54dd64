"""The endpoint: what the transaction users (registrar, call manager, message waiting) see of SIP's lower layers."""

from sip_daemon.endpoint.endpoint import Endpoint
from sip_daemon.endpoint.hops import next_max_forwards
from sip_daemon.endpoint.identity import Identity
from sip_daemon.endpoint.listeners import ClientEvent, Listener
from sip_daemon.endpoint.routed_request import SentRequest
from sip_daemon.endpoint.timers import Handle

__all__ = ["ClientEvent", "Endpoint", "Handle", "Identity", "Listener", "SentRequest", "next_max_forwards"]
