"""Questions to a real name server on loopback: what is answered, what fails, what is remembered."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sip_daemon.errors import TransportError
from sip_daemon.flow import TransportAddress
from sip_daemon.transport.resolver import MAX_RECORDS, DnsResolver, Naptr, ResolverFiles, Srv, read_hosts
from tests.support.dns_server import NameServer, name_server, resolver_for

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def server() -> AsyncIterator[NameServer]:
    async with name_server() as running:
        yield running


async def test_both_families_are_asked_for_and_ipv6_stands_first(server: NameServer) -> None:
    server.add("pbx.test", "A", "192.0.2.7")
    server.add("pbx.test", "AAAA", "2001:db8::7")
    assert await resolver_for(server).addresses("pbx.test") == ("2001:db8::7", "192.0.2.7")


async def test_an_alias_is_followed(server: NameServer) -> None:
    server.add("www.test", "CNAME", "pbx.test.")
    server.add("pbx.test", "A", "192.0.2.7")
    assert await resolver_for(server).addresses("www.test") == ("192.0.2.7",)


async def test_aliases_in_a_loop_are_an_error_and_not_a_loop(server: NameServer) -> None:
    server.add("a.test", "CNAME", "b.test.")
    server.add("b.test", "CNAME", "a.test.")
    with pytest.raises(TransportError):
        await resolver_for(server).addresses("a.test")


async def test_a_name_that_does_not_exist_has_no_address(server: NameServer) -> None:
    assert await resolver_for(server).addresses("nobody.test") == ()


async def test_that_a_name_does_not_exist_is_remembered(server: NameServer) -> None:
    """RFC 2308: the SOA's minimum says for how long."""
    resolver = resolver_for(server)
    for _ in range(3):
        assert await resolver.srv("_sip._udp.nobody.test") == ()
    assert server.asked("_sip._udp.nobody.test", "SRV") == 1


async def test_an_answer_is_remembered_for_its_time_to_live(server: NameServer) -> None:
    server.add("pbx.test", "A", "192.0.2.7")
    resolver = resolver_for(server)
    for _ in range(3):
        await resolver.addresses("pbx.test")
    assert server.asked("pbx.test", "A") == 1


async def test_an_answer_with_no_time_to_live_is_not_remembered(server: NameServer) -> None:
    server.ttl = 0
    server.add("_sip._udp.test", "SRV", "1 2 5060 pbx.test.")
    resolver = resolver_for(server)
    for _ in range(3):
        await resolver.srv("_sip._udp.test")
    assert server.asked("_sip._udp.test", "SRV") == 3


async def test_a_truncated_answer_is_fetched_by_tcp(server: NameServer) -> None:
    """RFC 7766 §5."""
    server.truncated.add(("_sip._udp.test", "SRV"))
    server.add("_sip._udp.test", "SRV", "1 2 5060 pbx.test.")
    assert await resolver_for(server).srv("_sip._udp.test") == (Srv(1, 2, 5060, "pbx.test"),)
    assert server.questions["_sip._udp.test", "SRV", "tcp"] == 1


async def test_a_server_that_fails_is_an_error_that_says_so(server: NameServer) -> None:
    server.failing |= {("pbx.test", "A"), ("pbx.test", "AAAA")}
    with pytest.raises(TransportError, match=r"no name server can tell about pbx\.test"):
        await resolver_for(server).addresses("pbx.test")


async def test_a_failed_question_is_not_repeated_at_once(server: NameServer) -> None:
    """RFC 9520 §3.2: else each call adds to what a broken server has to bear."""
    server.failing.add(("_sip._udp.test", "SRV"))
    resolver = resolver_for(server)
    for _ in range(3):
        with pytest.raises(TransportError):
            await resolver.srv("_sip._udp.test")
    assert server.asked("_sip._udp.test", "SRV") == 1


async def test_a_silent_server_is_given_up(server: NameServer) -> None:
    server.silent.add(("_sip._udp.test", "SRV"))
    with pytest.raises(TransportError, match="no name server answers"):
        await resolver_for(server).srv("_sip._udp.test")


async def test_the_next_server_is_asked_when_the_first_is_silent(server: NameServer) -> None:
    server.silent |= {("pbx.test", "A"), ("pbx.test", "AAAA")}
    async with name_server() as second:
        second.add("pbx.test", "A", "192.0.2.7")
        assert await resolver_for(server, second).addresses("pbx.test") == ("192.0.2.7",)


async def test_one_family_that_fails_does_not_hide_the_other(server: NameServer) -> None:
    server.failing.add(("pbx.test", "AAAA"))
    server.add("pbx.test", "A", "192.0.2.7")
    assert await resolver_for(server).addresses("pbx.test") == ("192.0.2.7",)


@pytest.mark.parametrize("address", ["0.0.0.0", "224.0.1.75", "255.255.255.255"])
async def test_addresses_that_nobody_has_are_left_out(server: NameServer, address: str) -> None:
    server.add("pbx.test", "A", address, "192.0.2.7")
    assert await resolver_for(server).addresses("pbx.test") == ("192.0.2.7",)


async def test_a_service_that_is_decidedly_not_there_has_no_server(server: NameServer) -> None:
    """RFC 2782: a target of "."; a port of 0 is none either."""
    server.add("_sip._udp.test", "SRV", "0 0 0 .", "0 0 0 pbx.test.", "0 0 5060 .")
    assert await resolver_for(server).srv("_sip._udp.test") == ()


async def test_no_more_records_are_taken_than_anybody_needs(server: NameServer) -> None:
    server.add("_sip._udp.test", "SRV", *(f"1 1 5060 n{number}.test." for number in range(40)))
    assert len(await resolver_for(server).srv("_sip._udp.test")) == MAX_RECORDS


async def test_only_naptr_records_that_lead_to_srv_count(server: NameServer) -> None:
    """RFC 3263 §4.1: flag "s" and no regular expression; sorted by order, then preference."""
    server.add(
        "test",
        "NAPTR",
        '20 50 "s" "SIP+D2U" "" _sip._udp.test.',
        '10 90 "S" "sip+d2t" "" _sip._tcp.test.',
        '5 5 "u" "E2U+sip" "!^.*$!sip:info@test!" .',
    )
    assert await resolver_for(server).naptr("test") == (
        Naptr(10, 90, "SIP+D2T", "_sip._tcp.test"),
        Naptr(20, 50, "SIP+D2U", "_sip._udp.test"),
    )


async def test_the_hosts_file_goes_before_the_name_server(server: NameServer, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.9 Proxy.test proxy # ours\n2001:db8::9 proxy.test\nnonsense\n\n")
    resolver = resolver_for(server, files=ResolverFiles(tmp_path / "none", hosts))
    assert await resolver.addresses("proxy.test") == ("2001:db8::9", "192.0.2.9")
    assert await resolver.addresses("PROXY") == ("192.0.2.9",)
    assert not server.questions


async def test_resolv_conf_names_the_servers_unless_they_are_set(tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text("search site.test\nnameserver 127.0.0.1\n")
    resolver = DnsResolver(files=ResolverFiles(conf, tmp_path / "none"))
    assert resolver._resolver_now().nameservers == ["127.0.0.1"]
    conf.write_text("nameserver ::1\n")
    os.utime(conf, (1, 1))
    resolver._look_at = 0.0
    assert resolver._resolver_now().nameservers == ["::1"]


async def test_a_machine_without_name_servers_says_what_to_do(tmp_path: Path) -> None:
    resolver = DnsResolver(files=ResolverFiles(tmp_path / "none", tmp_path / "none"))
    with pytest.raises(TransportError, match="GOSIP_DNS_SERVERS"):
        await resolver.srv("_sip._udp.test")


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64 + ".test", ("x" * 60 + ".") * 5 + "test"])
async def test_a_name_that_is_none_is_an_error_and_no_question(server: NameServer, name: str) -> None:
    with pytest.raises(TransportError):
        await resolver_for(server).addresses(name)
    assert not server.questions


async def test_a_server_that_is_not_there_is_an_error() -> None:
    resolver = DnsResolver([TransportAddress("127.0.0.1", 9)], query_seconds=0.1, total_seconds=0.2)
    with pytest.raises(TransportError):
        await resolver.srv("_sip._udp.test")


async def test_a_hosts_file_that_cannot_be_read_is_empty(tmp_path: Path) -> None:
    assert read_hosts(tmp_path) == {}
