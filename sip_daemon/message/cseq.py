"""The CSeq header field (RFC 3261 §20.16).

One rule: a sequence number is below 2**31 (§8.1.1.5), so that adding one never overflows a peer's counter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message.grammar import is_token, parse_number

MAX_CSEQ = 2**31 - 1
_CACHED_LENGTH = 24


@dataclass(frozen=True, slots=True)
class CSeq:
    """Sequence number and method of a request."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """Read the value; raises `RemoteProtocolError(400)`."""
        return _parse_cached(text) if len(text) <= _CACHED_LENGTH else _parse(text)

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def _parse(text: str) -> CSeq:
    parts = text.split(None, 1)
    if len(parts) != 2 or not is_token(parts[1]):
        raise RemoteProtocolError("malformed CSeq")
    return CSeq(parse_number(parts[0], MAX_CSEQ, "CSeq number"), parts[1])


_parse_cached = lru_cache(maxsize=512)(_parse)
