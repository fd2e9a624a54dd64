"""A name server on loopback, UDP and TCP, that answers from a small zone and misbehaves where a test wants it to."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import Counter
from collections.abc import AsyncIterator

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from sip_daemon.flow import TransportAddress
from sip_daemon.transport.resolver import DnsResolver, ResolverFiles


class NameServer:
    """`zone` maps (name, type) to record texts; a name with no record at all does not exist."""

    def __init__(self) -> None:
        self.zone: dict[tuple[str, str], list[str]] = {}
        self.ttl = 300
        self.silent: set[tuple[str, str]] = set()
        """Questions that get no answer."""
        self.failing: set[tuple[str, str]] = set()
        """Questions that get SERVFAIL."""
        self.truncated: set[tuple[str, str]] = set()
        """Questions that are answered in full over TCP only."""
        self.questions: Counter[tuple[str, str, str]] = Counter()
        """How often each was asked: name, type, udp or tcp."""
        self.address = TransportAddress("127.0.0.1", 0)

    def add(self, name: str, kind: str, *records: str) -> None:
        self.zone.setdefault((name, kind), []).extend(records)

    def asked(self, name: str, kind: str) -> int:
        return self.questions[name, kind, "udp"] + self.questions[name, kind, "tcp"]

    def answer(self, data: bytes, transport: str) -> bytes | None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = str(question.name).rstrip("."), dns.rdatatype.to_text(question.rdtype)
        self.questions[name, kind, transport] += 1
        if (name, kind) in self.silent:
            return None
        response = dns.message.make_response(query)
        if (name, kind) in self.failing:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif (name, kind) in self.truncated and transport == "udp":
            response.flags |= dns.flags.TC
        else:
            self._fill(response, name, kind)
        return response.to_wire()

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        for _ in range(20):  # a loop of aliases is served as one, for as long as it fits
            alias = self.zone.get((name, "CNAME"))
            if alias is None or kind == "CNAME":
                break
            response.answer.append(self._records(name, "CNAME", alias))
            name = alias[0].rstrip(".")
        records = self.zone.get((name, kind))
        if records:
            response.answer.append(self._records(name, kind, records))
            return
        soa = ["ns.test. admin.test. 1 3600 600 86400 300"]
        response.authority.append(self._records("test", "SOA", soa))
        if not response.answer and not any(known == name for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)

    def _records(self, name: str, kind: str, records: list[str]) -> dns.rrset.RRset:
        return dns.rrset.from_text_list(name + ".", self.ttl, dns.rdataclass.IN, dns.rdatatype.from_text(kind), records)

    async def _serve_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                answer = self.answer(await reader.readexactly(length), "tcp")
                if answer is not None:
                    writer.write(struct.pack("!H", len(answer)) + answer)
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._server.answer(data, "udp")
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


@contextlib.asynccontextmanager
async def name_server(host: str = "127.0.0.1") -> AsyncIterator[NameServer]:
    """A running one."""
    server = NameServer()
    loop = asyncio.get_running_loop()
    streams = await asyncio.start_server(server._serve_stream, host, 0)
    port = streams.sockets[0].getsockname()[1]
    datagrams, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(server), local_addr=(host, port))
    server.address = TransportAddress(host, port)
    try:
        yield server
    finally:
        datagrams.close()
        streams.close()


def resolver_for(*servers: NameServer, files: ResolverFiles | None = None) -> DnsResolver:
    """One that loses patience within tenths of a second."""
    return DnsResolver([one.address for one in servers], files=files, query_seconds=0.15, total_seconds=0.4)
