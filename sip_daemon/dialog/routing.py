"""Where a request within a dialog goes: RFC 3261 §12.2.1.1.

The rule: with a loose router first (`;lr`) the request-URI is the remote target and Route is the route set. A
strict router of RFC 2543 wants itself in the request-URI, and finds the remote target at the end of Route.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sip_daemon.message import NameAddress, Request, Response, Uri


def address_request(target: Uri, route_set: Sequence[NameAddress]) -> tuple[Uri, list[str]]:
    """The request-URI and the values of the Route headers."""
    if not route_set:
        return target, []
    first = route_set[0].uri
    if first.is_loose_router:
        return target, [str(route) for route in route_set]
    return _as_request_uri(first), [*(str(route) for route in route_set[1:]), f"<{target}>"]


def first_contact(message: Request | Response) -> Uri | None:
    """The URI of the one Contact that makes or refreshes a dialog; None without one.

    Raises `RemoteProtocolError` when it cannot be read, or is the `*` of a REGISTER.
    """
    contact = message.contact
    return contact.uri if contact is not None else None


def _as_request_uri(uri: Uri) -> Uri:
    """Without what must not stand in a request-URI: `method` and headers (RFC 3261 table 1)."""
    parameters = {name: value for name, value in uri.parameters.items() if name != "method"}
    return replace(uri, parameters=parameters, headers={})
