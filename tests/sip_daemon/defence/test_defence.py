"""Who is banned, who is slowed down, and who never: by socket address."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from sip_daemon.authentication import Authenticated, Challenge, Denied
from sip_daemon.defence import BanChange, Defence, DefenceLimits, Neighbours, News
from sip_daemon.defence.defence import BanRefused, parse_source
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol, source_of
from sip_daemon.registrar import Binding
from sip_daemon.transport import Barred
from tests.support.digest import device
from tests.support.messages import register

WALL = 1_700_000_000.0
STRANGER, SITE = "203.0.113.5", "198.51.100.7"
GUESS, PROVEN_GUESS = Denied("wrong"), Denied("wrong", is_proven=True)
KNOCK, GOOD = Challenge(), Authenticated(device("1001"))


def flow(host: str = STRANGER, port: int = 5060, transport: TransportProtocol = TransportProtocol.UDP) -> Flow:
    local = TransportAddress("192.0.2.10", 5060)
    return Flow(transport, local, TransportAddress(host, port), 1 if transport.is_reliable else 0)


def tcp(host: str = STRANGER) -> Flow:
    return flow(host, 40000, TransportProtocol.TCP)


class House:
    """A defence with all that is around it, in virtual time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.phones: list[Binding] = []
        self.barred = Barred()
        self.changes: list[BanChange] = []
        self.news: list[News] = []
        self.dropped: list[str] = []
        self.defence = Defence(
            Neighbours(lambda: self.phones, on_link=lambda: [ip_network("192.168.7.0/24"), ip_network("192.0.2.0/24")]),
            self.barred,
            clock=lambda: self.now,
            wall_clock=lambda: WALL + self.now,
            changed=self.changes.append,
            report=self.news.append,
            drop=self.dropped.append,
            is_registered=lambda name, source, now: any(
                one.username == name and source_of(one.flow.remote.host) == source for one in self.phones
            ),
            limits=DefenceLimits(),
        )

    def put_phone(self, username: str, at: Flow) -> None:
        self.phones.append(Binding(username, "sip:a@b", at, self.now + 3600, WALL, "call", 1))

    def judge(self, verdict: Authenticated | Challenge | Denied, at: Flow, times: int = 1, apart: float = 0.1) -> None:
        for _ in range(times):
            self.defence.judged(verdict, at)
            self.now += apart

    @property
    def states(self) -> dict[object, object]:
        return {row["source"]: row["state"] for row in self.defence.describe()}

    def is_out(self, host: str = STRANGER) -> bool:
        return source_of(host) in self.barred.sources


@pytest.fixture
def house() -> House:
    return House()


# Guessing


def test_ten_wrong_answers_to_our_challenges_get_a_source_banned(house: House) -> None:
    house.judge(PROVEN_GUESS, flow(), 9)
    assert not house.is_out()
    house.judge(PROVEN_GUESS, flow())
    assert house.states == {STRANGER: "banned"}
    assert house.is_out()
    assert [(change.ban.reason, change.ban.count) for change in house.changes] == [("wrong-credentials", 1)]
    assert [news.kind for news in house.news] == ["source-banned"]
    assert house.dropped == [STRANGER]


def test_on_a_connection_every_wrong_answer_is_proven(house: House) -> None:
    house.judge(GUESS, tcp(), 10)
    assert house.states == {STRANGER: "banned"}


def test_a_forged_source_is_muted_for_half_a_minute_and_not_banned(house: House) -> None:
    house.judge(GUESS, flow(), 10)
    assert house.states == {STRANGER: "muted"}
    assert (house.changes, house.news) == ([], [])
    house.now += 30
    house.defence.expire()
    assert not house.is_out()


def test_a_phone_that_tries_a_wrong_password_once_a_minute_is_told_so_for_ever(house: House) -> None:
    house.judge(PROVEN_GUESS, flow(), 500, apart=61.0)
    assert house.states == {}


def test_a_ban_grows_when_the_source_comes_back_for_more(house: House) -> None:
    house.judge(PROVEN_GUESS, flow(), 10)
    house.now += 301
    house.defence.expire()
    assert not house.is_out()
    house.judge(PROVEN_GUESS, flow(), 10)
    house.now += 301
    house.defence.expire()
    assert house.is_out(), "ten minutes this time"
    assert [change.ban.count for change in house.changes if not change.is_over] == [1, 2]


# Asking


def test_a_first_challenge_is_no_failure(house: House) -> None:
    for _ in range(1000):
        house.judge(KNOCK, flow())
        house.judge(GOOD, flow())
    assert house.states == {}


def test_a_scanner_that_never_answers_a_challenge_is_kept_out(house: House) -> None:
    house.judge(KNOCK, tcp("203.0.113.6"), 60)
    house.judge(KNOCK, flow(STRANGER), 60)
    assert house.states == {"203.0.113.6": "banned", STRANGER: "muted"}


def test_a_site_whose_phones_all_ask_at_once_is_not_taken_for_a_scanner(house: House) -> None:
    house.judge(KNOCK, tcp(SITE), 300, apart=0.001)
    house.judge(GOOD, tcp(SITE), 300, apart=0.001)
    house.judge(KNOCK, tcp(SITE), 40)
    assert house.states == {}


def test_a_provider_that_asks_options_every_two_seconds_is_welcome(house: House) -> None:
    for _ in range(10_000):
        house.defence.asked(flow())
        house.now += 2.0
    assert house.states == {}


def test_a_right_answer_with_an_old_nonce_is_neither_a_failure_nor_a_question(house: House) -> None:
    house.judge(Challenge(stale=True), flow(), 1000)
    assert house.states == {}


def test_a_connection_that_speaks_no_sip_counts_and_forged_garbage_only_mutes(house: House) -> None:
    for _ in range(10):
        house.defence.malformed(tcp("203.0.113.6"))
        house.defence.malformed(flow(STRANGER))
    assert house.states == {"203.0.113.6": "banned", STRANGER: "muted"}


# Who is never banned


@pytest.mark.parametrize("verdict", [GUESS, PROVEN_GUESS, KNOCK])
def test_a_source_where_a_phone_is_registered_is_never_banned(house: House, verdict: Challenge | Denied) -> None:
    house.put_phone("1001", flow(SITE, 5062))
    house.judge(verdict, flow(SITE, 9999), 1000)
    house.judge(verdict, tcp(SITE), 1000)
    assert house.states == {SITE: "slowed"}
    assert not house.is_out(SITE)


def test_a_phone_beside_a_guesser_goes_on_as_ever_from_its_own_socket(house: House) -> None:
    own = flow(SITE, 5062)
    house.put_phone("1001", own)
    house.judge(PROVEN_GUESS, flow(SITE, 9999), 100)
    assert all(house.defence.admits(register(), own) for _ in range(1000))


def test_a_guesser_beside_a_phone_is_left_ten_tries_a_minute(house: House) -> None:
    house.put_phone("1001", flow(SITE, 5062))
    house.judge(PROVEN_GUESS, flow(SITE, 9999), 100)
    request = register()
    allowed = 0
    for _ in range(600):
        allowed += house.defence.admits(request, flow(SITE, 9999))
        house.now += 0.1
        house.defence.judged(PROVEN_GUESS, flow(SITE, 9999))
    assert 10 <= allowed <= 16


def test_a_phone_that_comes_back_on_another_port_finds_its_own_ration_untouched(house: House) -> None:
    house.put_phone("1002", flow(SITE, 5062))
    house.judge(PROVEN_GUESS, flow(SITE, 9999), 100)
    while house.defence.admits(register(), flow(SITE, 9999)):  # 1001: not registered here
        pass
    own = register(headers={"From": "<sip:1002@example.test>;tag=a", "To": "<sip:1002@example.test>"})
    assert house.defence.admits(own, flow(SITE, 7777))


def test_loopback_and_private_networks_on_link_are_trusted_by_default(house: House) -> None:
    house.judge(PROVEN_GUESS, flow("192.168.7.44"), 20)
    house.judge(PROVEN_GUESS, flow("127.0.0.9"), 20)
    house.judge(PROVEN_GUESS, flow("192.168.8.44"), 20)
    assert house.states == {"192.168.7.44": "slowed", "127.0.0.9": "slowed", "192.168.8.44": "banned"}


def test_neighbours_in_a_public_network_on_link_are_strangers(house: House) -> None:
    """A hosted machine shares its network with others' machines."""
    house.judge(PROVEN_GUESS, flow("198.51.100.200"), 20)
    assert house.states == {"198.51.100.200": "banned"}


def test_a_network_that_is_trusted_from_now_on_is_let_in_again(house: House) -> None:
    house.judge(PROVEN_GUESS, flow(), 20)
    house.defence.configure(10, [ip_network("203.0.113.0/24")], trusts_local=True)
    assert (house.states, house.is_out()) == ({}, False)
    house.judge(PROVEN_GUESS, flow(), 20)
    assert house.states == {STRANGER: "slowed"}


def test_zero_failures_means_that_nobody_is_banned_by_itself(house: House) -> None:
    house.defence.configure(0, [], trusts_local=False)
    house.judge(PROVEN_GUESS, tcp(), 1000)
    assert house.states == {}


def test_of_ipv6_a_whole_64_is_banned(house: House) -> None:
    house.judge(PROVEN_GUESS, flow("2001:db8:1:2::1"), 5)
    house.judge(PROVEN_GUESS, flow("2001:db8:1:2::2"), 5)
    assert house.states == {"2001:db8:1:2::/64": "banned"}
    assert house.is_out("2001:db8:1:2:aaaa::9")


# By hand


def test_an_address_is_banned_by_hand_and_let_in_again(house: House) -> None:
    ban = house.defence.ban(STRANGER, note="nuisance")
    assert (ban.until, ban.note, house.is_out()) == (None, "nuisance", True)
    house.defence.unban(STRANGER)
    assert not house.is_out()
    assert [(change.is_over, change.is_forgotten) for change in house.changes] == [(False, False), (True, True)]
    with pytest.raises(BanRefused, match="not banned"):
        house.defence.unban(STRANGER)


def test_a_phones_address_is_banned_by_hand_only_when_it_is_meant(house: House) -> None:
    house.put_phone("1001", flow(SITE))
    with pytest.raises(BanRefused, match="Phones are registered"):
        house.defence.ban(SITE)
    house.defence.ban(SITE, force=True)
    assert house.is_out(SITE)


@pytest.mark.parametrize("text", ["", "example.com", "192.0.2.0/24", "2001:db8::/32", "300.1.1.1"])
def test_what_is_no_source_is_refused_in_words(text: str) -> None:
    with pytest.raises(BanRefused):
        parse_source(text)


def test_a_source_may_be_written_in_several_ways() -> None:
    assert parse_source(" 192.0.2.1/32 ") == "192.0.2.1"
    assert parse_source("[2001:DB8::5]") == parse_source("2001:db8::/64") == "2001:db8::/64"


# Bounds


def test_ten_thousand_forged_sources_cost_a_bounded_table(house: House) -> None:
    for number in range(30_000):
        house.defence.judged(KNOCK, flow(f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"))
    assert len(house.defence._suspects) == DefenceLimits().max_suspects


def test_a_botnet_does_not_fill_the_list_of_events(house: House) -> None:
    for number in range(200):
        house.judge(PROVEN_GUESS, flow(f"203.0.113.{number}"), 10, apart=0.0)
    assert len(house.news) == 20
    house.now += 60
    house.judge(PROVEN_GUESS, flow("203.0.113.250"), 10, apart=0.0)
    assert "180 more sources" in house.news[-1].message
