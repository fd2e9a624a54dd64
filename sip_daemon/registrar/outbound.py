"""What stands between a phone and us, and what it does about it: Path (RFC 3327 §5.3) and outbound (RFC 5626 §6).

The rule: these functions read one REGISTER and keep nothing. A REGISTER without Path and reg-id, the ordinary one,
costs two look-ups here.
"""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern
from typing import Final

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import NameAddress, Request

OFFERED: Final = frozenset({"path", "outbound"})
"""Option tags that a REGISTER may Require."""
FLOW_TIMER: Final = 120
"""Seconds within which a phone on a stream sends a keep-alive (RFC 5626 §4.4.1): well below what NATs of TCP forget
after, and what the radio of a mobile phone bears."""
MAX_PATH: Final = 8
"""Proxies between a phone and us."""
MAX_PATH_LENGTH: Final = 1024
MAX_REG_ID: Final = 2**31 - 1
"""RFC 5626 §4.2."""

Path = tuple[str, ...]


class FirstHopLacksOutbound(RemoteProtocolError):
    """The phone wants outbound, and the proxy in front of it did not say that it keeps flows (RFC 5626 §6)."""

    def __init__(self) -> None:
        super().__init__("the first hop does not support outbound", status=439)


class PathNotSupported(RemoteProtocolError):
    """A proxy added a Path for a phone that does not know of it."""

    def __init__(self) -> None:
        super().__init__("a Path that the phone does not support", status=420)


def read_path(request: Request) -> Path:
    """The route of requests to the contacts, as Route values.

    Raises RemoteProtocolError(420) when the phone does not say that it supports Path: it would not see that somebody
    on the way put himself between it and us (RFC 3327 §5.3, the recommended policy).
    """
    if "Path" not in request.headers:
        return ()
    hops = request.paths
    if "path" not in request.supported:
        raise PathNotSupported
    texts = tuple(intern(str(hop)) for hop in hops)  # a proxy stands before many phones
    if len(texts) > MAX_PATH or sum(map(len, texts)) > MAX_PATH_LENGTH:
        raise RemoteProtocolError("a Path that is too long")
    if not all(hop.uri.is_sip for hop in hops):
        raise RemoteProtocolError("a Path that is not made of SIP URIs")
    return texts


def heeds_reg_id(request: Request) -> bool:
    """Whether the reg-id of the contacts counts: every hop up to us keeps the flow (RFC 5626 §6).

    Raises RemoteProtocolError(439) when the phone relies on it and must learn that it does not work.
    """
    hops: tuple[NameAddress, ...] = request.paths if "Path" in request.headers else ()
    if len(request.vias) == 1 or (hops and "ob" in hops[0].uri.parameters):
        return True
    if "outbound" in request.supported:
        raise FirstHopLacksOutbound
    return False


def check_single_flow(expiries: Iterable[int]) -> None:
    """One REGISTER with a reg-id registers one flow; it may remove other contacts (RFC 5626 §6)."""
    if sum(expires > 0 for expires in expiries) > 1:
        raise RemoteProtocolError("a reg-id besides another contact")


def read_reg_id(text: str | None) -> int:
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= MAX_REG_ID):
        raise RemoteProtocolError("a reg-id that is no positive number")
    return int(text)
