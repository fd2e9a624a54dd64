"""REGISTER as RFC 3261 §10.3 processes it, with the instances of RFC 5626."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sip_daemon.authentication import Authenticator
from sip_daemon.flow import Flow, source_of
from sip_daemon.message import DigestChallenge, Request, Response
from sip_daemon.registrar import BindingEvent, LocationTable, RegisterOutcome, Registrar, RegistrarLimits
from tests.support.bindings import tcp, udp
from tests.support.digest import REALM, authorize, directory
from tests.support.messages import PHONE, SERVER, Overrides, register

NOW = 1000.0
WALL = 1_700_000_000.0
INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'


class Site:
    """A registrar whose phones know their passwords."""

    def __init__(self, **limits: int) -> None:
        self.locations = LocationTable(to_wall=lambda at: at + WALL)
        self.authenticator = Authenticator()
        self.directory = directory("1001", "1002")
        self.registrar = Registrar(
            lambda: self.directory, self.locations, self.authenticator, RegistrarLimits(**limits), lambda: WALL
        )
        self.now = NOW
        self.cseq = 0

    def send(self, request: Request, flow: Flow | None = None, username: str = "1001") -> RegisterOutcome:
        flow = flow or udp()
        challenge = self.authenticator.challenge(REALM, self.now, source=source_of(flow.remote.host))[0]
        return self.registrar.handle(authorize(request, challenge, username), flow, self.now)

    def register(
        self,
        contact: str | list[str] | None,
        *,
        flow: Flow | None = None,
        cseq: int | None = None,
        **fields: str | None,
    ) -> RegisterOutcome:
        """A REGISTER of the phone 1001 in one Call-ID; fields are headers with _ for -."""
        self.cseq = self.cseq + 1 if cseq is None else cseq
        headers: Overrides = {
            "Contact": contact,
            "Call-ID": "one",
            "Expires": None,
            "Supported": None,
            **{name.replace("_", "-"): value for name, value in fields.items()},
        }
        return self.send(register(headers=headers, cseq=self.cseq), flow)

    @property
    def contacts(self) -> list[str]:
        return [one.contact for one in self.locations.bindings("1001", self.now)]


@pytest.fixture
def site() -> Site:
    return Site()


def listed(response: Response) -> list[str]:
    return response.headers.get_all("Contact")


A, B = f"<sip:a@{PHONE}>", f"<sip:b@{PHONE}>"

# Who may register


def test_a_first_request_gets_401_with_both_challenges(site: Site) -> None:
    outcome = site.registrar.handle(register(), udp(), NOW)
    values = outcome.response.headers.get_all("WWW-Authenticate")
    assert outcome.response.status == 401
    assert [DigestChallenge.parse(value).algorithm for value in values] == ["MD5", "SHA-256"]
    assert outcome.denied is None


def test_a_stale_nonce_gets_401_that_says_so(site: Site) -> None:
    challenge = site.authenticator.challenge(REALM, NOW)[0]
    outcome = site.registrar.handle(authorize(register(), challenge), udp(), NOW + 1000)
    assert outcome.response.status == 401
    assert DigestChallenge.parse(outcome.response.headers.get("WWW-Authenticate") or "").stale


def test_a_wrong_password_and_an_unknown_user_get_the_same_403(site: Site) -> None:
    wrong = register(
        headers={"Call-ID": "x", "From": f"<sip:1001@{SERVER}>;tag=1", "Via": "SIP/2.0/UDP h;branch=z9hG4bK1"}
    )
    challenge = site.authenticator.challenge(REALM, NOW)[0]
    first = site.registrar.handle(authorize(wrong, challenge, password="guess"), udp(), NOW)
    second = site.registrar.handle(authorize(wrong, challenge, "9999"), udp(), NOW)
    assert first.response.status == second.response.status == 403
    assert first.denied == second.denied is not None
    assert len(bytes(first.response)) == len(bytes(second.response))
    assert len(site.locations) == 0


def test_a_device_may_only_register_its_own_address_of_record(site: Site) -> None:
    assert site.send(register("1002"), username="1001").response.status == 403


def test_a_foreign_domain_is_not_found(site: Site) -> None:
    assert site.send(register(headers={"To": "<sip:1001@elsewhere.test>"})).response.status == 404


def test_an_address_of_record_of_another_scheme_is_a_bad_request(site: Site) -> None:
    """RFC 3261 §10.3: To has to contain a SIP or SIPS URI."""
    assert site.send(register(headers={"To": "<isbn:2983792873>"})).response.status == 400


@pytest.mark.parametrize("to", ["<sip:1001@GOSIP.TEST>", f"<sips:1001@{SERVER}:5061>", f"sip:1001@{SERVER}"])
def test_every_name_and_address_of_ours_is_the_same_address_of_record(site: Site, to: str) -> None:
    assert site.send(register(headers={"To": to})).response.status == 200


def test_a_required_extension_that_we_lack_is_refused_before_anything_else(site: Site) -> None:
    outcome = site.registrar.handle(register(headers={"Require": "path, gruu, outbound, pref"}), udp(), NOW)
    assert outcome.response.status == 420
    assert outcome.response.headers.get("Unsupported") == "gruu, pref"


# The binding


def test_a_registered_contact_is_bound_to_the_flow_it_came_on(site: Site) -> None:
    flow = udp("203.0.113.9", 61234)
    site.register(A, flow=flow)
    (one,) = site.locations.bindings("1001", NOW)
    assert (one.contact, one.flow, one.user_agent) == (f"sip:a@{PHONE}", flow, "Test phone 1.0")
    assert (one.registered_at, one.expires_at, one.path) == (WALL, NOW + 3600, ())


@pytest.mark.parametrize(
    ("contact", "source", "port"),
    [
        ("<sip:a@10.0.0.5:5070>", udp("10.0.0.5", 61234), 5070),
        ("<sip:a@10.0.0.5>", udp("10.0.0.5", 61234), 5060),
        ("<sip:a@10.0.0.5:5070;transport=udp>", udp("10.0.0.5", 61234), 5070),
        ("<sip:a@10.0.0.6:5070>", udp("10.0.0.5", 61234), 61234),
        ("<sip:a@9.9.9.9:5070>", udp("9.9.9.9", 61234), 61234),
        (f"<sip:a@10.0.0.5:5070>;{INSTANCE};reg-id=1", udp("10.0.0.5", 61234), 61234),
        ("<sip:a@10.0.0.5:5070;transport=tcp>", tcp(3, "10.0.0.5", 61234), 61234),
    ],
)
def test_a_phone_of_the_lan_that_listens_on_another_port_is_called_there(
    site: Site, contact: str, source: Flow, port: int
) -> None:
    """RFC 3261 §10.3; but where a NAT may stand between us, only the flow leads back (RFC 5626 §5.3)."""
    site.register(contact, flow=source)
    (one,) = site.locations.bindings("1001", NOW)
    assert one.flow == replace(source, remote=replace(source.remote, port=port))


def test_the_200_lists_all_bindings_with_their_remaining_time_and_the_date(site: Site) -> None:
    site.register(f"{A};expires=600")
    site.now += 100
    response = site.register(f"{B};expires=300").response
    assert response.status == 200
    assert listed(response) == [f"{A};expires=500", f"{B};expires=300"]
    assert response.headers.get("Date") == "Tue, 14 Nov 2023 22:13:20 GMT"


def test_contact_parameters_come_back(site: Site) -> None:
    given = f'{A};q=0.5;{INSTANCE};reg-id=1;methods="INVITE, BYE"'
    (value,) = listed(site.register(given).response)
    assert value == f'{A};methods="INVITE, BYE";{INSTANCE};reg-id=1;q=0.5;expires=3600'


def test_a_contacts_own_expires_wins_over_the_header(site: Site) -> None:
    response = site.register([f"{A};expires=120", B], Expires="240").response
    assert listed(response) == [f"{A};expires=120", f"{B};expires=240"]


def test_a_long_expiry_is_cut(site: Site) -> None:
    assert listed(site.register(A, Expires="4294967295").response) == [f"{A};expires=7200"]


def test_a_brief_expiry_is_refused_with_the_least_that_is_taken(site: Site) -> None:
    response = site.register(A, Expires="59").response
    assert (response.status, response.headers.get("Min-Expires")) == (423, "60")
    assert site.contacts == []


def test_one_brief_contact_stops_the_whole_request(site: Site) -> None:
    assert site.register([A, f"{B};expires=1"]).response.status == 423
    assert site.contacts == []


def test_a_refresh_keeps_the_time_of_the_first_registration(site: Site) -> None:
    site.register(A)
    site.registrar.wall_clock = lambda: WALL + 500
    (change,) = site.register(A).changes
    assert (change.event, change.binding.registered_at) == (BindingEvent.REFRESHED, WALL)


def test_a_request_without_contact_fetches(site: Site) -> None:
    site.register(A)
    outcome = site.register(None)
    assert listed(outcome.response) == [f"{A};expires=3600"]
    assert outcome.changes == ()


def test_a_contact_is_the_same_by_the_rules_for_uris(site: Site) -> None:
    """RFC 3261 §19.1.4: the host has no case, the user has."""
    site.register("<sip:a@Phone.example.com>")
    site.register("<sip:a@phone.EXAMPLE.com>")
    assert site.contacts == ["sip:a@phone.EXAMPLE.com"]
    site.register("<sip:A@phone.example.com>")
    assert len(site.contacts) == 2


# Removing


def test_expires_0_removes_one_contact(site: Site) -> None:
    site.register([A, B])
    outcome = site.register(f"{A};expires=0")
    assert [change.event for change in outcome.changes] == [BindingEvent.REMOVED]
    assert listed(outcome.response) == [f"{B};expires=3600"]


def test_star_with_expires_0_removes_all(site: Site) -> None:
    site.register([A, B])
    outcome = site.register("*", Expires="0")
    assert (outcome.response.status, len(outcome.changes), site.contacts) == (200, 2, [])


@pytest.mark.parametrize(("contact", "expires"), [("*", "3600"), ("*", None)])
def test_star_without_expires_0_is_refused(site: Site, contact: str, expires: str | None) -> None:
    site.register(A)
    assert site.register(contact, Expires=expires).response.status == 400
    assert len(site.contacts) == 1


def test_a_contact_registered_with_an_instance_may_be_removed_by_its_uri(site: Site) -> None:
    site.register(f"{A};{INSTANCE}")
    site.register(f"{A};expires=0")
    assert site.contacts == []


@pytest.mark.parametrize("removal_first", [True, False])
def test_a_phone_may_move_its_instance_in_one_request(site: Site, removal_first: bool) -> None:
    site.register(f"{A};{INSTANCE}")
    contacts = [f"{A};{INSTANCE};expires=0", f"{B};{INSTANCE}"]
    site.register(contacts if removal_first else contacts[::-1])
    assert site.contacts == [f"sip:b@{PHONE}"]


# Order


@pytest.mark.parametrize("cseq", [5, 4])
def test_an_old_cseq_of_the_same_call_id_changes_nothing(site: Site, cseq: int) -> None:
    site.register(A, cseq=5)
    assert site.register([B, f"{A};expires=0"], cseq=cseq).response.status == 500
    assert site.register("*", cseq=cseq, Expires="0").response.status == 500
    assert site.contacts == [f"sip:a@{PHONE}"]


def test_another_call_id_starts_its_own_order(site: Site) -> None:
    """A phone that was restarted."""
    site.register(A, cseq=500)
    assert site.register(A, cseq=1, Call_ID="two").response.status == 200


# Instances (RFC 5626)


def test_the_same_instance_and_reg_id_replace_whatever_the_contact(site: Site) -> None:
    site.register(f"{A};{INSTANCE};reg-id=1")
    site.register(f"{B};{INSTANCE};reg-id=1")
    assert site.contacts == [f"sip:b@{PHONE}"]


def test_two_flows_of_one_instance_are_two_bindings(site: Site) -> None:
    site.register(f"{A};{INSTANCE};reg-id=1")
    site.register(f"{A};{INSTANCE};reg-id=2", flow=tcp(3))
    assert len(site.contacts) == 2


def test_two_instances_behind_one_private_address_are_two_bindings(site: Site) -> None:
    site.register(f"{A};{INSTANCE}")
    site.register(f'{A};+sip.instance="<urn:uuid:other>"', flow=udp("203.0.113.9"))
    assert len(site.contacts) == 2


def test_a_reg_id_without_an_instance_is_passed_over(site: Site) -> None:
    site.register(f"{A};reg-id=7")
    assert site.locations.bindings("1001", NOW)[0].reg_id == 0


# Path (RFC 3327 §5.3) and outbound (RFC 5626 §6)

EDGE = "<sip:edge.test;lr;ob>"
THROUGH_EDGE: Overrides = {"Via": ["SIP/2.0/UDP edge.test;branch=z9hG4bK2", f"SIP/2.0/UDP {PHONE};branch=z9hG4bK1"]}


def through_edge(site: Site, contact: str, **fields: str) -> RegisterOutcome:
    """A REGISTER that a proxy has passed on."""
    site.cseq += 1
    headers: Overrides = {
        "Contact": contact,
        "Call-ID": "one",
        "Expires": None,
        "Supported": None,
        **THROUGH_EDGE,
        **fields,
    }
    return site.send(register(headers=headers, cseq=site.cseq), tcp(9, "198.51.100.2"))


def test_a_path_is_stored_with_the_binding_and_returned(site: Site) -> None:
    outcome = through_edge(site, A, Path="<sip:p2.test;lr>,  <sip:p1.test;lr>;x=y", Supported="path")
    assert outcome.response.headers.get_all("Path") == ["<sip:p2.test;lr>", "<sip:p1.test;lr>;x=y"]
    assert outcome.response.headers.get("Supported") == "outbound, path"
    (binding,) = site.locations.bindings("1001", NOW)
    assert binding.path == ("<sip:p2.test;lr>", "<sip:p1.test;lr>;x=y")


def test_the_path_of_a_refresh_takes_the_place_of_the_old_one(site: Site) -> None:
    through_edge(site, A, Path="<sip:p1.test;lr>", Supported="path")
    through_edge(site, A, Path="<sip:p2.test;lr>", Supported="path")
    (binding,) = site.locations.bindings("1001", NOW)
    assert binding.path == ("<sip:p2.test;lr>",)


def test_a_path_for_a_phone_that_knows_of_none_is_refused(site: Site) -> None:
    """The policy that §5.3 recommends: the phone learns that somebody put himself in between."""
    outcome = through_edge(site, A, Path="<sip:p1.test;lr>")
    assert outcome.response.status == 420
    assert outcome.response.headers.get("Unsupported") == "path"
    assert not site.contacts


@pytest.mark.parametrize("path", ["<tel:+4312345>", ",".join(["<sip:p.test;lr>"] * 9), f"<sip:{'x' * 1100}@p.test;lr>"])
def test_a_path_that_is_no_route_is_refused(site: Site, path: str) -> None:
    assert through_edge(site, A, Path=path, Supported="path").response.status == 400
    assert not site.contacts


def test_behind_a_proxy_the_port_of_the_contact_is_not_taken_for_the_flows(site: Site) -> None:
    """The REGISTER came from the proxy: that is where calls go."""
    site.cseq += 1
    headers: Overrides = {"Contact": f"<sip:a@{PHONE}:5070>", **THROUGH_EDGE, "Path": EDGE, "Supported": "path"}
    site.send(register(headers=headers), udp(PHONE, 5060))
    (binding,) = site.locations.bindings("1001", NOW)
    assert binding.flow == udp(PHONE, 5060)


def test_a_phone_that_wants_outbound_learns_that_it_has_it(site: Site) -> None:
    outcome = site.register(f"{A};{INSTANCE};reg-id=1", flow=tcp(3), Supported="path, outbound")
    assert outcome.response.headers.get("Require") == "outbound"
    assert outcome.response.headers.get("Flow-Timer") == "120"


def test_over_udp_no_flow_timer_is_named(site: Site) -> None:
    """§4.4: the time of STUN keep-alives is the phone's own choice."""
    outcome = site.register(f"{A};{INSTANCE};reg-id=1", Supported="path, outbound")
    assert outcome.response.headers.get("Require") == "outbound"
    assert "Flow-Timer" not in outcome.response.headers


def test_a_phone_that_does_not_know_of_outbound_is_required_nothing(site: Site) -> None:
    assert "Require" not in site.register(f"{A};{INSTANCE};reg-id=1").response.headers


def test_an_ordinary_phone_is_told_nothing_of_it(site: Site) -> None:
    headers = site.register(A, Supported="path, outbound").response.headers
    assert not {"Require", "Flow-Timer", "Path", "Supported"} & {name for name, _ in headers.items()}


def test_through_a_proxy_that_keeps_flows_outbound_works(site: Site) -> None:
    outcome = through_edge(site, f"{A};{INSTANCE};reg-id=1", Path=EDGE, Supported="path, outbound")
    assert outcome.response.headers.get("Require") == "outbound"
    (binding,) = site.locations.bindings("1001", NOW)
    assert binding.reg_id == 1


@pytest.mark.parametrize("path", [{}, {"Path": "<sip:edge.test;lr>"}])
def test_through_a_proxy_that_keeps_none_the_phone_is_told_so(site: Site, path: dict[str, str]) -> None:
    """439: the phone then registers without reg-id, or takes another proxy."""
    outcome = through_edge(site, f"{A};{INSTANCE};reg-id=1", Supported="path, outbound", **path)
    assert outcome.response.status == 439
    assert not site.contacts


def test_through_such_a_proxy_the_reg_id_of_a_phone_that_does_not_care_is_passed_over(site: Site) -> None:
    assert through_edge(site, f"{A};{INSTANCE};reg-id=1").response.status == 200
    (binding,) = site.locations.bindings("1001", NOW)
    assert binding.reg_id == 0


def test_one_register_registers_one_flow(site: Site) -> None:
    both = [f"{A};{INSTANCE};reg-id=1", f"{B};{INSTANCE};reg-id=2"]
    assert site.register(both, Supported="outbound").response.status == 400
    assert not site.contacts


def test_with_a_flow_another_contact_may_go(site: Site) -> None:
    site.register(B)
    site.register([f"{A};{INSTANCE};reg-id=1", f"{B};expires=0"], Supported="outbound")
    assert site.contacts == [f"sip:a@{PHONE}"]


# Bounds


@pytest.mark.parametrize(
    "contact",
    [
        "<tel:+4312345>",
        "<mailto:a@example.com>",
        f"<sip:{'x' * 1100}@{PHONE}>",
        f'{A};methods="{"x" * 1100}"',
        f'{A};+sip.instance="{"x" * 300}"',
        f"{A};{INSTANCE};reg-id=0",
        f"{A};{INSTANCE};reg-id=-1",
        f"{A};{INSTANCE};reg-id=99999999999",
        "<sip:broken",
    ],
)
def test_an_absurd_contact_is_refused(site: Site, contact: str) -> None:
    request = register()
    request.headers.set("Contact", contact)
    assert site.send(request).response.status == 400
    assert len(site.locations) == 0


def test_too_many_contacts_in_one_request_are_refused() -> None:
    site = Site(max_contacts=3)
    assert site.register([f"<sip:{n}@{PHONE}>" for n in range(4)]).response.status == 403


def test_beyond_its_share_a_device_loses_an_unreachable_binding_first() -> None:
    site = Site(max_contacts=2)
    site.register(A)
    site.register(B, flow=tcp(4))
    site.locations.flow_closed(tcp(4))
    site.register(f"<sip:c@{PHONE}>")
    assert site.contacts == [f"sip:a@{PHONE}", f"sip:c@{PHONE}"]


def test_beyond_its_share_a_device_loses_its_oldest_binding() -> None:
    site = Site(max_contacts=2)
    for second, contact in enumerate((A, B, f"<sip:c@{PHONE}>")):
        site.registrar.wall_clock = lambda second=second: WALL + second  # type: ignore[misc]
        site.register(contact)
    assert site.contacts == [f"sip:b@{PHONE}", f"sip:c@{PHONE}"]


def test_a_long_user_agent_is_cut(site: Site) -> None:
    site.register(A, User_Agent="x" * 5000)
    assert len(site.locations.bindings("1001", NOW)[0].user_agent or "") == 128


def test_what_the_instance_holds_goes_back_quoted(site: Site) -> None:
    response = site.register(rf'{A};+sip.instance="<a\"b>"').response
    assert r'+sip.instance="<a\"b>"' in listed(response)[0]


def test_a_device_that_was_disabled_can_register_no_more(site: Site) -> None:
    devices = {"1001": replace(site.directory.devices["1001"], enabled=False)}
    site.directory = replace(site.directory, devices=devices)
    assert site.register(A).response.status == 403
