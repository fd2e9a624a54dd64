"""STUN as a keep-alive on the SIP port over UDP: RFC 5626 §4.4.2 and §8, RFC 8489 §6.

The rule: a Binding request gets a Binding success with the address it came from, at most 44 bytes for 20; nothing is
kept, and whatever else looks like STUN gets no answer. A phone that sees its address change registers anew.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import Final

from sip_daemon.flow import TransportAddress

BINDING_REQUEST: Final = b"\x00\x01"
BINDING_SUCCESS: Final = 0x0101
MAGIC_COOKIE: Final = 0x2112A442
XOR_MAPPED_ADDRESS: Final = 0x0020
FIRST_OPTIONAL: Final = 0x8000
"""Attributes below have to be understood (RFC 8489 §14): a keep-alive has none of them."""
HEADER: Final = struct.Struct("!HHI12s")


def answer_keepalive(data: bytes, source: TransportAddress) -> bytes | None:
    """The answer to a datagram that begins with `BINDING_REQUEST`; None when it deserves none."""
    if len(data) < HEADER.size:
        return None
    _, length, cookie, transaction = HEADER.unpack_from(data)
    if cookie != MAGIC_COOKIE or length != len(data) - HEADER.size or not is_plain(data):
        return None
    ip = ipaddress.ip_address(source.host.partition("%")[0])
    key = struct.pack("!I", MAGIC_COOKIE) + transaction
    address = bytes(one ^ other for one, other in zip(ip.packed, key, strict=False))
    value = struct.pack("!BBH", 0, 1 if ip.version == 4 else 2, source.port ^ (MAGIC_COOKIE >> 16)) + address
    attribute = struct.pack("!HH", XOR_MAPPED_ADDRESS, len(value)) + value
    return HEADER.pack(BINDING_SUCCESS, len(attribute), MAGIC_COOKIE, transaction) + attribute


def is_plain(data: bytes) -> bool:
    """Whether the attributes are whole, and all of them optional."""
    position = HEADER.size
    while position < len(data):
        if len(data) - position < 4:
            return False
        kind, length = struct.unpack_from("!HH", data, position)
        position += 4 + (length + 3) // 4 * 4
        if kind < FIRST_OPTIONAL:
            return False
    return position == len(data)
