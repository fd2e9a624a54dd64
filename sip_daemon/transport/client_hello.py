"""What a ClientHello says (RFC 5246 §7.4.1.2, RFC 8446 §4.1.2): read only to tell a person why a handshake failed.

A damaged or incomplete one is read as far as it goes; nothing here decides anything about the connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

VERSIONS: Final = MappingProxyType(
    {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}
)
SUITES: Final = MappingProxyType(
    {
        0x1301: "TLS_AES_128_GCM_SHA256",
        0x1302: "TLS_AES_256_GCM_SHA384",
        0x1303: "TLS_CHACHA20_POLY1305_SHA256",
        0xC02B: "ECDHE-ECDSA-AES128-GCM-SHA256",
        0xC02C: "ECDHE-ECDSA-AES256-GCM-SHA384",
        0xC02F: "ECDHE-RSA-AES128-GCM-SHA256",
        0xC030: "ECDHE-RSA-AES256-GCM-SHA384",
        0xCCA8: "ECDHE-RSA-CHACHA20-POLY1305",
        0xCCA9: "ECDHE-ECDSA-CHACHA20-POLY1305",
        0xC023: "ECDHE-ECDSA-AES128-SHA256",
        0xC024: "ECDHE-ECDSA-AES256-SHA384",
        0xC027: "ECDHE-RSA-AES128-SHA256",
        0xC028: "ECDHE-RSA-AES256-SHA384",
        0xC009: "ECDHE-ECDSA-AES128-SHA",
        0xC00A: "ECDHE-ECDSA-AES256-SHA",
        0xC013: "ECDHE-RSA-AES128-SHA",
        0xC014: "ECDHE-RSA-AES256-SHA",
        0x009C: "AES128-GCM-SHA256",
        0x009D: "AES256-GCM-SHA384",
        0x003C: "AES128-SHA256",
        0x003D: "AES256-SHA256",
        0x002F: "AES128-SHA",
        0x0035: "AES256-SHA",
        0x000A: "DES-CBC3-SHA",
        0x0005: "RC4-SHA",
        0x0004: "RC4-MD5",
    }
)
"""As OpenSSL calls them, those that phones are known to offer."""
SIGNALLING_SUITES: Final = frozenset({0x00FF, 0x5600})
"""No suites: a sign of secure renegotiation (RFC 5746) and of a fallback (RFC 7507)."""
SUPPORTED_VERSIONS: Final = 43


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client offered; empty where that could not be read."""

    versions: tuple[int, ...] = ()
    suites: tuple[int, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> ClientHello:
        """From the first bytes of a connection, record header and all."""
        if len(data) < 44 or data[0] != 22 or data[5] != 1:
            return cls()
        legacy = int.from_bytes(data[9:11])
        position = 44 + data[43]  # after the session id
        length = int.from_bytes(data[position : position + 2])
        suites = numbers(data[position + 2 : position + 2 + length])
        position += 2 + length
        position += 1 + (data[position] if position < len(data) else 0)  # the compression methods
        versions = read_versions(data[position + 2 :]) or (legacy,)
        return cls(
            tuple(version for version in versions if version in VERSIONS),
            tuple(one for one in suites if one not in SIGNALLING_SUITES and not is_grease(one)),
        )

    @property
    def newest(self) -> int | None:
        return max(self.versions, default=None)

    @property
    def suite_names(self) -> tuple[str, ...]:
        return tuple(SUITES.get(one, f"0x{one:04X}") for one in self.suites)

    def takes_key(self, key_type: str) -> bool:
        """Whether a suite of TLS 1.2 that it offers goes with that kind of key, `RSA` or `ECDSA`."""
        return any(f"-{key_type}-" in name for name in self.suite_names)


def read_versions(extensions: bytes) -> tuple[int, ...]:
    """Of the extension supported_versions (RFC 8446 §4.2.1); empty without it."""
    position = 0
    while position + 4 <= len(extensions):
        kind, length = (int.from_bytes(extensions[position + at : position + at + 2]) for at in (0, 2))
        if kind == SUPPORTED_VERSIONS:
            return numbers(extensions[position + 5 : position + 4 + length])
        position += 4 + length
    return ()


def numbers(data: bytes) -> tuple[int, ...]:
    """Two bytes each."""
    return tuple(int.from_bytes(data[at : at + 2]) for at in range(0, len(data) - 1, 2))


def is_grease(number: int) -> bool:
    """Whether it only keeps servers tolerant (RFC 8701)."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


def what_else(data: bytes) -> str:
    """What a client speaks that does not speak TLS, as a sentence."""
    first = data.split(b"\r\n", 1)[0]
    if first.endswith(b"SIP/2.0") or first.startswith(b"SIP/2.0"):
        return "It speaks SIP without encryption. Set its transport to TLS, or its port to the unencrypted one."
    if first.endswith((b"HTTP/1.1", b"HTTP/1.0")):
        return "It speaks HTTP without encryption."
    if not data.strip(b"\r\n\0"):
        return "It sends keep-alives without encryption. Set its transport to TLS."
    return "What it sends is no TLS."
