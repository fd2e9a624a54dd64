"""From the text of a setting to its value."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest

from appliance.settings import parsers
from appliance.settings.parsers import NotAllowed, PortRange, Server


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parsers.boolean, "true", True),
        (parsers.boolean, "On", True),
        (parsers.boolean, "0", False),
        (parsers.port, "5060", 5060),
        (parsers.port, "65535", 65535),
        (parsers.port_range, "20000-29999", PortRange(20000, 29999)),
        (parsers.choice("debug", "info"), "INFO", "info"),
        (parsers.address, "192.0.2.1", "192.0.2.1"),
        (parsers.address, "[2001:DB8::0001]", "2001:db8::1"),
        (parsers.address, "", ""),
        (parsers.host, "Phones.Example.COM.", "phones.example.com"),
        (parsers.host, "localhost", "localhost"),
        (parsers.host, "192.0.2.1", "192.0.2.1"),
        (parsers.hosts, "a.example, b.example a.example", ("a.example", "b.example")),
        (parsers.networks, "192.0.2.7/24", (ip_network("192.0.2.0/24"),)),
        (parsers.name_servers, "", ()),
        (
            parsers.name_servers,
            "192.0.2.53, 192.0.2.54:5353 2001:db8::53,[2001:db8::53],[2001:db8::54]:5353",
            (
                Server("192.0.2.53", 53),
                Server("192.0.2.54", 5353),
                Server("2001:db8::53", 53),
                Server("2001:db8::54", 5353),
            ),
        ),
        (parsers.file, "/etc/ssl/a.pem", "/etc/ssl/a.pem"),
        (parsers.email, "admin@example.com", "admin@example.com"),
        (parsers.database_url, "", ""),
    ],
)
def test_a_good_text_becomes_its_value(parse: Callable[[str], Any], text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "said"),
    [
        (parsers.boolean, "maybe", "true and false"),
        (parsers.port, "0", "from 1 to 65535"),
        (parsers.port, "65536", "from 1 to 65535"),
        (parsers.port, "-1", "from 1 to 65535"),
        (parsers.port, "٣", "from 1 to 65535"),
        (parsers.port, "1e3", "from 1 to 65535"),
        (parsers.port_range, "20000", "the lower one first"),
        (parsers.port_range, "30000-20000", "the lower one first"),
        (parsers.port_range, "80-20000", "from 1024"),
        (parsers.choice("debug", "info", "error"), "loud", "debug, info and error"),
        (parsers.address, "phones.example.com", "IPv4 or IPv6"),
        (parsers.address, "192.0.2.1:5060", "without a port"),
        (parsers.host, "two words", "host name"),
        (parsers.host, "", "host name"),
        (parsers.host, "sip:phones.example.com", "host name"),
        (parsers.host, "a" * 64 + ".example", "host name"),
        (parsers.networks, "192.0.2.0/33", "separated by commas"),
        (parsers.name_servers, "dns.example.com", "addresses separated by commas"),
        (parsers.name_servers, "192.0.2.53:0", "addresses separated by commas"),
        (parsers.name_servers, "192.0.2.53:99999", "addresses separated by commas"),
        (parsers.file, "relative.pem", "absolute path"),
        (parsers.email, "nobody", "e-mail"),
        (parsers.text, "two\nlines", "control characters"),
        (parsers.database_url, "postgresql://u:p@host/db", "PostgreSQL is not supported yet"),
        (parsers.database_url, "mysql://host/db", "SQLite file"),
    ],
)
def test_a_bad_text_is_answered_with_what_is_allowed(parse: Callable[[str], Any], text: str, said: str) -> None:
    with pytest.raises(NotAllowed, match=said):
        parse(text)


def test_slices_of_a_range_start_even_do_not_overlap_and_stay_inside() -> None:
    for count in (1, 2, 3, 7):
        slices = list(PortRange(20001, 20400).slices(count))
        assert all(part.first % 2 == 0 and len(part) > 0 for part in slices)
        assert all(first.last < second.first for first, second in itertools.pairwise(slices))
        assert slices[0].first >= 20001
        assert slices[-1].last <= 20400


def test_a_name_server_is_shown_as_it_is_read() -> None:
    text = "192.0.2.53, 192.0.2.54:5353, [2001:db8::53], [2001:db8::54]:5353"
    assert ", ".join(str(one) for one in parsers.name_servers(text)) == text
