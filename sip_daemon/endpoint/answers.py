"""Our answers on their way out: what each carries, how long it may be, and whether it leaves at all.

A UDP source address can be forged. The rule: whoever has proven nothing gets at most `AMPLIFICATION` times what was
sent in its name, and off the LAN only so many answers a second. Each request that is let in earns one back, so a
site whose phones register is never held up.
"""

from __future__ import annotations

from sip_daemon.endpoint.addressing import LocalAddressing
from sip_daemon.endpoint.refusal import AMPLIFICATION, fit, least_request_size
from sip_daemon.flow import TransportProtocol
from sip_daemon.message import Request, Response
from sip_daemon.transaction import ServerTransaction
from sip_daemon.transport import SourceRate

UNPROVEN_RATE = 100.0
"""Answers a second to one source off the LAN that has proven nothing."""
UNPROVEN_BURST = 1000.0
"""All phones behind one NAT address register at once when their power comes back."""
UNPROVEN_RATE_OF_ALL = 5000.0


class Answers:
    """Looks at each final answer before its transaction does."""

    def __init__(self, addressing: LocalAddressing, user_agent: str) -> None:
        self._addressing = addressing
        self._user_agent = user_agent
        self._ration = SourceRate(UNPROVEN_RATE, UNPROVEN_BURST, total_rate=UNPROVEN_RATE_OF_ALL)

    def prepare(self, transaction: ServerTransaction, response: Response, now: float) -> bool:
        """Completes `response`. False when its receiver gets no answer: it had enough without a proof."""
        if "Server" not in response.headers:
            response.headers.add("Server", self._user_agent)
        if response.status < 200 or transaction.is_answered:
            return True
        flow = transaction.flow
        if flow.transport is not TransportProtocol.UDP:
            return True
        request = transaction.request
        if not may_be_unproven(request, response):
            self._ration.give_back(flow.remote.host)
            return True
        fits = fit(response, AMPLIFICATION * least_request_size(request))
        # Who heard a provisional response from us was let in, and waits for the end.
        if transaction.has_spoken:
            return True
        return fits and (self._addressing.is_local(flow.remote.host) or self._ration.allows(flow.remote.host, now))


def may_be_unproven(request: Request, response: Response) -> bool:
    """Whether the request may have come from a forged address: we refuse it, or it asked for no proof."""
    return response.status >= 300 or request.method == "OPTIONS"
