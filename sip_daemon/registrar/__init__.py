"""Who can be reached where: RFC 3261 §10 with the instances of RFC 5626.

    binding     one registered contact, and a change to it
    location    all bindings: by address of record, by connection, by time of expiry
    registrar   REGISTER in, response and changes out

The rule: no socket, no clock and no database; what has to last goes out as `BindingChange`.
"""

from sip_daemon.registrar.binding import Binding, BindingChange, BindingEvent
from sip_daemon.registrar.location import LocationTable
from sip_daemon.registrar.registrar import RegisterOutcome, Registrar, RegistrarLimits

__all__ = [
    "Binding",
    "BindingChange",
    "BindingEvent",
    "LocationTable",
    "RegisterOutcome",
    "Registrar",
    "RegistrarLimits",
]
