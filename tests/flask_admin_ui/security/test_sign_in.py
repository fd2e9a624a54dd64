"""The entrance: set-up by a one-time code, sign-in, lock-out (G7), second factor, sign-out."""

from __future__ import annotations

from urllib.parse import quote

import pyotp
import pytest

from appliance.operations import second_factor, setup_codes
from appliance.operations.context import Actor as Who
from appliance.operations.context import Context, Role
from appliance.operations.users import get_user
from tests.support.admin import ADMIN, ADMIN_PASSWORD, USER, USER_PASSWORD, Actor, AdminSystem, ManualClock

SESSION = "__Host-gosip-session"


def set_cookie(response: object, name: str) -> str:
    headers = response.headers.getlist("Set-Cookie")  # type: ignore[attr-defined]
    return str(next(value for value in headers if value.startswith(name)))


def test_a_fresh_system_asks_for_the_one_time_code(bare_system: AdminSystem) -> None:
    visitor = Actor(bare_system.app.test_client(), "", "")
    assert visitor.get("/").headers["Location"] == "/set-up"
    assert visitor.get("/sign-in").headers["Location"] == "/set-up"


def test_the_code_makes_the_first_administrator_and_signs_in(bare_system: AdminSystem) -> None:
    code = setup_codes.new_setup_code(bare_system.context).reveal()
    visitor = Actor(bare_system.app.test_client(), "", "")
    made = visitor.post("/set-up", code=code, name="Ada", password="long enough", repeated="long enough")
    assert (made.status_code, made.headers["Location"]) == (302, "/")
    assert "Dashboard" in visitor.get("/").text


def test_a_wrong_code_makes_nobody_and_keeps_what_was_typed(bare_system: AdminSystem) -> None:
    visitor = Actor(bare_system.app.test_client(), "", "")
    refused = visitor.post("/set-up", code="AAAA-BBBB", name="ada", password="long enough", repeated="long enough")
    assert refused.status_code == 422
    assert 'value="AAAA-BBBB"' in refused.text
    assert "The code is wrong" in refused.text
    assert "long enough" not in refused.text


def test_a_code_is_good_once(bare_system: AdminSystem) -> None:
    code = setup_codes.new_setup_code(bare_system.context).reveal()
    first, second = (Actor(bare_system.app.test_client(), "", "") for _ in range(2))
    fields = {"code": code, "password": "long enough", "repeated": "long enough"}
    assert first.post("/set-up", name="ada", **fields).status_code == 302
    assert second.post("/set-up", name="eve", **fields).status_code == 422


def test_two_different_passwords_are_refused_at_the_field(bare_system: AdminSystem) -> None:
    visitor = Actor(bare_system.app.test_client(), "", "")
    page = visitor.post("/set-up", code="x", name="ada", password="long enough", repeated="long enough?")
    assert "The two passwords differ." in page.text


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(system: AdminSystem) -> None:
    actor = Actor(system.app.test_client(), ADMIN, ADMIN_PASSWORD)
    cookie = set_cookie(actor.sign_in(), SESSION)
    for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert attribute in cookie
    assert "Domain" not in cookie


def test_name_and_password_are_refused_with_the_same_words(stranger: Actor) -> None:
    wrong_password = stranger.sign_in()
    stranger.name = "nobody"
    unknown_name = stranger.sign_in()
    text = "The user name or the password is wrong."
    assert wrong_password.status_code == unknown_name.status_code == 401
    assert text in wrong_password.text
    assert text in unknown_name.text


def test_five_failures_lock_the_account_for_a_quarter_of_an_hour(
    system: AdminSystem, stranger: Actor, clock: ManualClock
) -> None:
    for _ in range(5):
        assert stranger.sign_in().status_code == 401
    locked = stranger.sign_in()
    assert locked.status_code == 429
    assert 0 < int(locked.headers["Retry-After"]) <= 900
    owner = Actor(system.app.test_client(), ADMIN, ADMIN_PASSWORD)
    assert owner.sign_in().status_code == 429
    clock.advance(15 * 60 + 1)
    assert owner.sign_in().status_code == 302


def test_strangers_who_guess_do_not_lock_a_browser_that_is_known(
    system: AdminSystem, admin: Actor, stranger: Actor
) -> None:
    admin.post("/sign-out")
    for _ in range(5):
        stranger.sign_in()
    assert Actor(system.app.test_client(), ADMIN, ADMIN_PASSWORD).sign_in().status_code == 429
    assert admin.sign_in().status_code == 302


def test_a_known_browser_is_known_for_its_own_person_only(admin: Actor, stranger: Actor) -> None:
    admin.post("/sign-out")
    for _ in range(5):
        stranger.post("/sign-in", name=USER, password="wrong")
    admin.name, admin.password = USER, USER_PASSWORD
    assert admin.sign_in().status_code == 429


@pytest.mark.parametrize("mark", ["", "x", "WyJhZGEiLCJ4Il0.aaaa.bbbb"])
def test_a_made_up_mark_of_a_browser_is_worth_nothing(stranger: Actor, mark: str) -> None:
    stranger.client.set_cookie("__Host-gosip-known", mark, domain="localhost", secure=True)
    answers = [stranger.sign_in().status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


def test_after_signing_in_the_person_is_where_it_wanted_to_go(system: AdminSystem) -> None:
    actor = Actor(system.app.test_client(), ADMIN, ADMIN_PASSWORD)
    entrance = actor.get("/calls?status=missed").headers["Location"]
    assert entrance == "/sign-in?next=/calls?status%3Dmissed"
    fields = {"name": ADMIN, "password": ADMIN_PASSWORD}
    assert actor.post(entrance, **fields).headers["Location"] == "/calls?status=missed"


def test_an_address_with_any_letters_is_kept_for_htmx_too(system: AdminSystem) -> None:
    """A header field takes ASCII only (RFC 9110 §5.5)."""
    actor = Actor(system.app.test_client(), ADMIN, ADMIN_PASSWORD)
    wanted = quote("/calls?search=Łódź")
    response = actor.post_by_htmx(f"/sign-in?next={wanted}", name=ADMIN, password=ADMIN_PASSWORD)
    assert response.headers["HX-Redirect"] == "/calls?search=%C5%81%C3%B3d%C5%BA"


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil", "javascript:alert(1)"],
)
def test_nobody_is_sent_to_another_site(system: AdminSystem, elsewhere: str) -> None:
    actor = Actor(system.app.test_client(), ADMIN, ADMIN_PASSWORD)
    response = actor.post(f"/sign-in?next={quote(elsewhere)}", name=ADMIN, password=ADMIN_PASSWORD)
    assert response.headers["Location"] == "/"


def test_a_session_ends_a_day_after_its_last_use(admin: Actor, clock: ManualClock) -> None:
    clock.advance(23 * 3600)
    assert admin.get("/").status_code == 200
    clock.advance(23 * 3600)
    assert admin.get("/").status_code == 200
    clock.advance(24 * 3600 + 1)
    assert admin.get("/").headers["Location"] == "/sign-in"


def test_signing_out_ends_the_session_itself_not_only_the_cookie(admin: Actor) -> None:
    stolen = admin.client.get_cookie(SESSION, domain="localhost")
    assert stolen is not None
    admin.post("/sign-out")
    admin.client.set_cookie(SESSION, stolen.value, domain="localhost", secure=True)
    assert admin.get("/").headers["Location"] == "/sign-in"


# ---------------------------------------------------------------- second factor


@pytest.fixture
def secret(system: AdminSystem) -> str:
    """The administrator has a second factor."""
    found = get_user(system.context, ADMIN)
    context = Context(system.appliance, Who(ADMIN, Role.ADMIN, found.id), "127.0.0.1")
    offer = second_factor.offer_second_factor(context)
    code = pyotp.TOTP(offer.secret.reveal()).at(int(context.now))
    second_factor.confirm_second_factor(context, offer.secret, code)
    return offer.secret.reveal()


def test_the_second_factor_is_asked_for_after_the_password(system: AdminSystem, secret: str) -> None:
    actor = Actor(system.app.test_client(), ADMIN, ADMIN_PASSWORD)
    asked = actor.sign_in()
    assert asked.status_code == 401
    assert 'name="code"' in asked.text


def test_a_wrong_password_does_not_tell_that_there_is_a_second_factor(stranger: Actor, secret: str) -> None:
    assert 'name="code"' not in stranger.sign_in().text


def test_password_and_code_open_the_door(system: AdminSystem, secret: str, clock: ManualClock) -> None:
    clock.advance(60)
    actor = Actor(system.app.test_client(), ADMIN, ADMIN_PASSWORD)
    assert actor.sign_in(code=pyotp.TOTP(secret).at(int(clock()))).status_code == 302


def test_guessed_codes_lock_the_account(system: AdminSystem, secret: str) -> None:
    actor = Actor(system.app.test_client(), ADMIN, ADMIN_PASSWORD)
    answers = [actor.sign_in(code="000000").status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
