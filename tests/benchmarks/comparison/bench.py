"""What every measurement is given, and the list of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.benchmarks.comparison.generator import Generators, SipLoad
from tests.benchmarks.comparison.plan import Plan
from tests.benchmarks.comparison.product import Product, prepare_folder
from tests.benchmarks.comparison.results import Reading
from tests.benchmarks.comparison.server import SipServer


@dataclass(frozen=True)
class Bench:
    """One run's tools."""

    plan: Plan
    generators: Generators
    folder: Path
    peers: frozenset[str]
    """Names of the servers that can be had."""

    def product(self, phones: int, *, sip_only: bool = False, settings: Mapping[str, str] | None = None) -> Product:
        return Product(prepared(self.folder, phones), sip_only=sip_only, settings=settings)

    def sip_load(self, kind: str, server: SipServer, *options: object) -> SipLoad:
        return SipLoad(self.generators.sip, kind, server.server, *options)


Measure = Callable[[Bench], Iterator[Reading]]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Something that is done once in a run, and the rows that it fills."""

    title: str
    rows: tuple[str, ...]
    measure: Measure


@cache
def prepared(folder: Path, phones: int) -> Path:
    return prepare_folder(folder, phones)
