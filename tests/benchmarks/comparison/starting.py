"""From the start of the program to its first answer to an OPTIONS, with the phones of a small office."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

from tests.benchmarks.comparison.bench import Bench
from tests.benchmarks.comparison.results import PRODUCT, Reading
from tests.benchmarks.peers.kamailio import Kamailio

PHONES = 200


def measure(bench: Bench) -> Iterator[Reading]:
    taken = []
    with bench.product(PHONES) as product:
        for _ in range(bench.plan.starts):
            product.sip.stop()
            started = time.monotonic()
            product.start_sip()
            taken.append(product.answered_at - started)
    yield Reading("start", PRODUCT, median(taken), {"seconds": taken, "phones": PHONES})
    if Kamailio.name in bench.peers:
        taken = []
        for _ in range(bench.plan.starts):
            started = time.monotonic()
            with Kamailio():
                taken.append(time.monotonic() - started)
        yield Reading("start", Kamailio.name, median(taken), {"seconds": taken})
