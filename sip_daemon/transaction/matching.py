"""By what a message finds its transaction: RFC 3261 §17.1.3 and §17.2.3.

The rule: a key is one string, equal for every message of a transaction. The ACK of a refusal and a CANCEL are
looked up under the key of their INVITE.

A branch with the magic cookie is unique by its maker's promise. Without the cookie (RFC 2543), or with nothing
behind it, the key is a digest of all that identifies the request *and of the address it came from*, so that
somebody else's guess at these values matches nothing.
"""

from __future__ import annotations

from hashlib import blake2b
from zlib import crc32

from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response

LEGACY = "rfc2543"


def server_key(request: Request, flow: Flow, method: str) -> str:
    """The key of the server transaction of `request`, were its method `method`.

    Raises `RemoteProtocolError` when a header that it needs cannot be read.
    """
    via = request.top_via
    if not via.has_unique_branch:
        return _legacy_key(request, flow, method)
    return f"{via.branch} {via.host}:{via.port} {method}"


def client_key(message: Request | Response, method: str) -> str | None:
    """The key of a client transaction, the same for its request and each response; None without a branch."""
    branch = message.top_via.branch
    return None if branch is None else f"{branch} {method}"


def merge_key(request: Request) -> str | None:
    """What merged requests have in common (RFC 3261 §8.2.2.2); None for one within a dialog."""
    if request.to.tag is not None:
        return None
    cseq = request.cseq
    return f"{request.from_.tag} {request.call_id} {cseq.number} {cseq.method}"


def is_legacy(key: str) -> bool:
    """Whether the ACK found by this key must show the To tag of the response too (RFC 3261 §17.2.3)."""
    return key.startswith(LEGACY)


def stateless_tag(key: str) -> str:
    """A To tag that is the same each time the same request is answered without a transaction (§8.2.7)."""
    return f"{crc32(key.encode('utf-8', 'surrogatepass')):08x}"


def _legacy_key(request: Request, flow: Flow, method: str) -> str:
    # The To tag counts only where it cannot change within the transaction: the ACK of an INVITE has one, the
    # INVITE has not. `is_legacy` makes the layer check it there.
    to_tag = "" if method == "INVITE" else request.to.tag
    parts = (
        flow.remote.host,
        request.headers.values("Via")[0],
        str(request.uri),
        str(request.from_.tag),
        str(to_tag),
        request.call_id,
        str(request.cseq.number),
    )
    digest = blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{LEGACY} {digest} {method}"
