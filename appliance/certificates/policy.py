"""What every encrypted port of this system agrees on: ports, protocol versions and cipher suites.

nginx and the signalling process take them from here, so that a phone meets one policy and not two.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

TLS_PORT: Final = 5061
"""SIP over TLS (RFC 3261 §19.1.2)."""
WSS_PORT: Final = 5081
"""SIP over secure WebSocket (RFC 7118); nobody has assigned a number."""
MIN_VERSIONS: Final = ("1.2", "1.3")
"""What may be chosen as the lowest version; RFC 8996 forbids the older ones."""
MIN_VERSION: Final = "1.2"
CLIENT_AUTH: Final = ("none", "request", "require")
"""Whether a phone shows a certificate of its own: never asked, checked when it shows one, refused without one."""

MODERN_CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
"""The suites of TLS 1.2 with forward secrecy and authenticated encryption; TLS 1.3 has no others."""
COMPATIBLE_CIPHERS: Final = (
    f"{MODERN_CIPHERS}:"
    "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384"
)
"""Also those with CBC, for desk phones of the years before 2015: forward secrecy as well, an older way to encrypt."""
CIPHERS: Final = MappingProxyType({"modern": MODERN_CIPHERS, "compatible": COMPATIBLE_CIPHERS})
"""By the value of the setting `tls_ciphers`."""
