"""RFC 3263 §4, step by step, on answers made here."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from sip_daemon.errors import TransportError
from sip_daemon.flow import TransportAddress, TransportProtocol
from sip_daemon.message import Uri
from sip_daemon.transport.locating import MAX_QUESTIONS, MAX_TARGETS, Locator, Target, by_weight
from sip_daemon.transport.resolver import Naptr, Srv
from tests.support.virtual_time import in_virtual_time

pytestmark = pytest.mark.filterwarnings("error")
UDP, TCP, TLS = TransportProtocol.UDP, TransportProtocol.TCP, TransportProtocol.TLS


class Book:
    """What DNS would say."""

    def __init__(self) -> None:
        self.naptrs: dict[str, tuple[Naptr, ...]] = {}
        self.srvs: dict[str, tuple[Srv, ...]] = {}
        self.hosts: dict[str, tuple[str, ...]] = {}
        self.broken: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.delay = 0.0

    async def _ask(self, name: str) -> None:
        self.asked[name] += 1
        if self.delay:
            await asyncio.sleep(self.delay)
        if name in self.broken:
            raise TransportError(f"no name server answers the question for {name}")

    async def naptr(self, name: str) -> tuple[Naptr, ...]:
        await self._ask(name + " NAPTR")
        return self.naptrs.get(name, ())

    async def srv(self, name: str) -> tuple[Srv, ...]:
        await self._ask(name)
        return self.srvs.get(name, ())

    async def addresses(self, name: str) -> tuple[str, ...]:
        await self._ask(name)
        return self.hosts.get(name, ())


def source_of(remote: TransportAddress) -> str:
    return "2001:db8::1" if remote.is_ipv6 else "192.0.2.1"


def locate(book: Book, uri: str, *, supported: tuple[TransportProtocol, ...] = (UDP, TCP)) -> list[str]:
    async def run() -> tuple[Target, ...]:
        return await Locator(book, source_of, supported=supported, chance=lambda: 0.5).locate(Uri.parse(uri))

    return [str(target) for target in asyncio.run(run())]


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("sip:192.0.2.7", "udp:192.0.2.7:5060"),
        ("sip:192.0.2.7:5070", "udp:192.0.2.7:5070"),
        ("sip:anna@[2001:db8::7]:5070;transport=tcp", "tcp:[2001:db8::7]:5070"),
        ("sip:192.0.2.7;transport=TCP", "tcp:192.0.2.7:5060"),
        ("sip:proxy.test;maddr=192.0.2.9", "udp:192.0.2.9:5060"),
        ("sip:proxy.test;maddr=[2001:db8::9]", "udp:[2001:db8::9]:5060"),
    ],
)
def test_an_address_asks_nobody(uri: str, target: str) -> None:
    """§4.1 and §4.2: numeric targets; maddr goes before the host."""
    book = Book()
    assert locate(book, uri) == [target]
    assert not book.asked


def test_a_port_rules_srv_out() -> None:
    """§4.2."""
    book = Book()
    book.hosts["proxy.test"] = ("2001:db8::7", "192.0.2.7")
    assert locate(book, "sip:proxy.test:5080") == ["udp:[2001:db8::7]:5080", "udp:192.0.2.7:5080"]
    assert set(book.asked) == {"proxy.test"}


def test_without_records_of_the_service_the_host_is_meant() -> None:
    """§4.1 and §4.2: UDP and the default port."""
    book = Book()
    book.hosts["proxy.test"] = ("192.0.2.7",)
    assert locate(book, "sip:proxy.test") == ["udp:192.0.2.7:5060"]


def test_naptr_says_which_transport_the_domain_prefers() -> None:
    """§4.1, its example: what we cannot do is passed over."""
    book = Book()
    book.naptrs["test"] = (
        Naptr(50, 50, "SIPS+D2T", "_sips._tcp.test"),
        Naptr(90, 50, "SIP+D2T", "_sip._tcp.test"),
        Naptr(100, 50, "SIP+D2U", "_sip._udp.test"),
        Naptr(110, 50, "E2U+SIP", ""),
    )
    book.srvs["_sip._tcp.test"] = (Srv(0, 1, 5060, "server1.test"), Srv(1, 1, 5062, "server2.test"))
    book.srvs["_sip._udp.test"] = (Srv(0, 1, 5060, "server1.test"),)
    book.hosts |= {"server1.test": ("192.0.2.1",), "server2.test": ("192.0.2.2",)}
    assert locate(book, "sip:test") == ["tcp:192.0.2.1:5060", "tcp:192.0.2.2:5062", "udp:192.0.2.1:5060"]


def test_without_naptr_all_that_we_can_do_is_looked_for() -> None:
    """§4.1: SRV queries for each supported transport."""
    book = Book()
    book.srvs["_sip._tcp.test"] = (Srv(0, 1, 5062, "server1.test"),)
    book.hosts["server1.test"] = ("192.0.2.1",)
    assert locate(book, "sip:test") == ["tcp:192.0.2.1:5062"]


def test_a_named_transport_asks_for_that_service_only() -> None:
    """§4.1 and §4.2."""
    book = Book()
    book.srvs["_sip._tcp.test"] = (Srv(0, 1, 5062, "server1.test"),)
    book.srvs["_sip._udp.test"] = (Srv(0, 1, 5060, "server1.test"),)
    book.hosts["server1.test"] = ("192.0.2.1",)
    assert locate(book, "sip:test;transport=tcp") == ["tcp:192.0.2.1:5062"]
    assert "test NAPTR" not in book.asked
    assert "_sip._udp.test" not in book.asked


def test_sips_goes_over_tls_or_not_at_all() -> None:
    """§4.1, RFC 3261 §26.2.2."""
    book = Book()
    book.srvs["_sips._tcp.test"] = (Srv(0, 1, 5061, "server1.test"),)
    book.hosts["server1.test"] = ("192.0.2.1",)
    assert locate(book, "sips:test", supported=(UDP, TCP, TLS)) == ["tls:192.0.2.1:5061"]
    assert locate(book, "sips:192.0.2.1;transport=tcp", supported=(UDP, TCP, TLS)) == ["tls:192.0.2.1:5061"]
    with pytest.raises(TransportError, match="TLS connections cannot be opened"):
        locate(book, "sips:test")
    with pytest.raises(TransportError, match="does not go over UDP"):
        locate(book, "sips:test;transport=udp")


@pytest.mark.parametrize("uri", ["tel:+15551212", "urn:service:sos", "sip:test;transport=sctp", "sip:0.0.0.0"])
def test_what_names_no_place_is_an_error(uri: str) -> None:
    with pytest.raises(TransportError):
        locate(Book(), uri)


def test_a_host_without_address_is_an_error() -> None:
    with pytest.raises(TransportError, match=r"proxy\.test has no address"):
        locate(Book(), "sip:proxy.test")


def test_a_server_that_cannot_be_looked_up_is_passed_over() -> None:
    book = Book()
    book.srvs["_sip._udp.test"] = (Srv(0, 1, 5060, "lost.test"), Srv(1, 1, 5060, "server2.test"))
    book.broken.add("lost.test")
    book.hosts["server2.test"] = ("192.0.2.2",)
    assert locate(book, "sip:test") == ["udp:192.0.2.2:5060"]


def test_when_no_server_can_be_looked_up_the_reason_is_told() -> None:
    book = Book()
    book.srvs["_sip._udp.test"] = (Srv(0, 1, 5060, "lost.test"),)
    book.broken.add("lost.test")
    with pytest.raises(TransportError, match=r"no name server answers the question for lost\.test"):
        locate(book, "sip:test")


def test_a_name_server_that_never_heard_of_naptr_does_not_matter() -> None:
    book = Book()
    book.broken.add("test NAPTR")
    book.srvs["_sip._udp.test"] = (Srv(0, 1, 5060, "server1.test"),)
    book.hosts["server1.test"] = ("192.0.2.1",)
    assert locate(book, "sip:test") == ["udp:192.0.2.1:5060"]


def test_an_address_as_the_target_of_srv_is_no_server() -> None:
    """RFC 2782: the target is a name. Taken as one, it would let an answer aim us at anybody without a trace."""
    book = Book()
    book.srvs["_sip._udp.test"] = (Srv(0, 1, 5060, "192.0.2.66"),)
    with pytest.raises(TransportError):
        locate(book, "sip:test")


def test_no_more_targets_are_given_than_anybody_would_try() -> None:
    book = Book()
    book.hosts["proxy.test"] = tuple(f"192.0.2.{number}" for number in range(1, 60))
    assert len(locate(book, "sip:proxy.test")) == MAX_TARGETS


@in_virtual_time
async def test_a_question_under_way_is_shared() -> None:
    book = Book()
    book.delay = 0.1
    book.hosts["proxy.test"] = ("192.0.2.7",)
    locator = Locator(book, source_of)
    uri = Uri.parse("sip:proxy.test:5080")
    first, *others = await asyncio.gather(*(locator.locate(uri) for _ in range(50)))
    assert all(other == first for other in others)
    assert book.asked["proxy.test"] == 1


@in_virtual_time
async def test_who_gives_up_does_not_take_the_answer_from_the_others() -> None:
    book = Book()
    book.delay = 0.1
    book.hosts["proxy.test"] = ("192.0.2.7",)
    locator = Locator(book, source_of)
    uri = Uri.parse("sip:proxy.test:5080")
    impatient = asyncio.create_task(locator.locate(uri))
    patient = asyncio.create_task(locator.locate(uri))
    await asyncio.sleep(0.05)
    impatient.cancel()
    assert [str(target) for target in await patient] == ["udp:192.0.2.7:5080"]


@in_virtual_time
async def test_all_questions_about_a_name_end_in_time() -> None:
    book = Book()
    book.delay = 3600.0
    with pytest.raises(TransportError, match="could not be looked up within 6 s"):
        await Locator(book, source_of).locate(Uri.parse("sip:proxy.test"))


@in_virtual_time
async def test_only_so_many_names_are_asked_for_at_once_and_only_so_many_wait() -> None:
    book = Book()
    book.delay = 1.0
    locator = Locator(book, source_of)
    tasks = [asyncio.create_task(locator.locate(Uri.parse(f"sip:h{number}.test:5060"))) for number in range(400)]
    await asyncio.sleep(0.5)
    assert sum(book.asked.values()) == MAX_QUESTIONS
    refused = [task for task in tasks if task.done()]
    assert len(refused) == 400 - 11 * MAX_QUESTIONS
    locator.close()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, BaseException) for result in results)


def test_servers_of_a_lower_priority_go_first() -> None:
    """RFC 2782."""
    records = (Srv(20, 0, 1, "c"), Srv(10, 0, 1, "b"), Srv(5, 9, 1, "a"))
    assert [one.target for one in by_weight(records, lambda: 0.0)] == ["a", "b", "c"]


def test_among_equals_the_weights_decide() -> None:
    """RFC 2782: each is drawn with a chance of its weight over the sum; what is drawn leaves the pot."""
    records = (Srv(1, 10, 1, "small"), Srv(1, 30, 1, "big"), Srv(1, 0, 1, "none"))
    draws = {
        0.0: ["none", "small", "big"],
        0.2: ["small", "none", "big"],
        0.9: ["big", "small", "none"],
    }
    for number, expected in draws.items():
        rolls = iter([number, 0.0 if number != 0.9 else 0.5, 0.0])
        assert [one.target for one in by_weight(records, lambda rolls=rolls: next(rolls))] == expected  # type: ignore[misc]


def test_over_many_draws_the_shares_are_those_of_the_weights() -> None:
    records = (Srv(1, 10, 1, "small"), Srv(1, 30, 1, "big"))
    rolls = iter(number / 4000 for number in range(8000))
    first = Counter(by_weight(records, lambda: next(rolls) % 1)[0].target for _ in range(4000))
    assert first["big"] == pytest.approx(3000, rel=0.02)
