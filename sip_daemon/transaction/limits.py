"""How much a stranger can make us remember.

The rule: what is established goes on. Beyond a limit a *new* request is answered 503 without keeping anything of
it; transactions that exist, their ACKs and CANCELs, and requests within a dialog (a BYE must get through) are
served.

A transaction is half-open while nothing shows that its sender receives our answers: until the final response, and
for a refused INVITE until the ACK. That is what a flood from forged addresses leaves behind, so it is counted by
source address.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TransactionLimits:
    """Bounds on server transactions. Client transactions are our own and bounded by what asks for them."""

    max_server_transactions: int = 65_536
    """All that are kept. When the bound is reached, the oldest answered non-INVITE ones make room first: what they
    remember is only the answer to a request that may be repeated."""
    dialog_reserve: int = 4_096
    """How many non-INVITE requests within a dialog are let in on top of that."""
    max_half_open_per_source: int = 4_096
    """From one address. A trunk or a whole office may share one."""
    retry_after: int = 5
    """Seconds, in the 503 (RFC 3261 §20.33)."""


@dataclass(frozen=True, slots=True)
class TransactionCounts:
    """What the layer holds now, and what it has turned away since the start."""

    server: int
    client: int
    half_open: int
    refused: int
