"""People, one's own account, settings, events and the audit log."""

from __future__ import annotations

import re

import pyotp

from appliance.database.models import User
from appliance.operations import users
from appliance.operations.events import record_event
from tests.support.admin import ADMIN, ADMIN_PASSWORD, USER, USER_PASSWORD, Actor, AdminSystem, ManualClock


def test_an_administrator_adds_people(system: AdminSystem, admin: Actor) -> None:
    admin.post("/users/new", name="Hedy", role="user", password="long enough")
    assert users.get_user(system.context, "hedy").role == "user"


def test_a_short_password_is_refused_at_its_field(admin: Actor) -> None:
    page = admin.post("/users/new", name="hedy", role="user", password="short")
    assert page.status_code == 422
    assert 'id="password-error"' in page.text
    assert 'value="hedy"' in page.text
    assert 'value="short"' not in page.text


def test_a_disabled_person_is_signed_out_at_once(admin: Actor, user: Actor) -> None:
    admin.post(f"/user/{USER}", role="user")
    assert user.get("/devices").headers["Location"].startswith("/sign-in")


def test_saving_without_a_change_signs_nobody_out(admin: Actor, user: Actor) -> None:
    admin.post(f"/user/{USER}", role="user", enabled="y")
    assert user.get("/devices").status_code == 200


def test_a_new_password_set_by_an_administrator_counts(system: AdminSystem, admin: Actor) -> None:
    admin.post(f"/user/{USER}", role="user", enabled="y", password="another long one")
    assert Actor(system.app.test_client(), USER, USER_PASSWORD).sign_in().status_code == 401
    assert Actor(system.app.test_client(), USER, "another long one").sign_in().status_code == 302


def test_a_person_changed_by_somebody_else_meanwhile_is_not_overwritten(system: AdminSystem, admin: Actor) -> None:
    page = admin.get(f"/user/{USER}").text
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen is not None
    users.edit_user(system.context, USER, enabled=False)
    refused = admin.post(f"/user/{USER}", role="admin", enabled="y", seen=seen[1])
    assert refused.status_code == 409
    assert "in the meantime" in refused.text
    assert f'<a href="/user/{USER}">Show the values of now' in refused.text
    assert users.get_user(system.context, USER).role == "user"


def test_ones_own_line_leads_to_ones_own_account(admin: Actor) -> None:
    """There the current password is asked for."""
    assert admin.get(f"/user/{ADMIN}").headers["Location"] == "/account"
    assert admin.api("PATCH", f"/api/users/{ADMIN}", {"password": "brand new words"}).status_code == 403


def test_a_second_factor_is_not_replaced_without_the_password(system: AdminSystem, user: Actor) -> None:
    row = User.get(User.name == USER)
    row.totp_sealed = b"sealed"
    row.save()
    assert user.get("/account/second-factor").headers["Location"] == "/account"


def test_nobody_takes_the_own_rights_away(system: AdminSystem, admin: Actor) -> None:
    admin.post(f"/user/{ADMIN}", role="user")
    admin.post(f"/user/{ADMIN}/delete")
    assert users.get_user(system.context, ADMIN).role == "admin"


def test_a_deleted_person_is_gone(admin: Actor) -> None:
    admin.post(f"/user/{USER}/delete")
    assert admin.get(f"/user/{USER}").status_code == 404


def test_changing_the_own_password_signs_out_all_other_sessions(system: AdminSystem, user: Actor) -> None:
    elsewhere = Actor(system.app.test_client(), USER, USER_PASSWORD)
    elsewhere.sign_in()
    fields = {"current": USER_PASSWORD, "password": "brand new words", "repeated": "brand new words"}
    assert user.post("/account/password", **fields).status_code == 302
    assert user.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 302


def test_the_current_password_is_asked_for(user: Actor) -> None:
    page = user.post("/account/password", current="wrong", password="brand new words", repeated="brand new words")
    assert page.status_code == 422
    assert "This is not the current password." in page.text


def test_the_second_factor_is_set_up_with_a_first_code(system: AdminSystem, user: Actor, clock: ManualClock) -> None:
    page = user.get("/account/second-factor").text
    assert "<svg" in page
    assert "style=" not in page
    secret = re.search(r'name="secret"[^>]*value="([A-Z2-7]+)"', page)
    assert secret is not None
    refused = user.post("/account/second-factor", secret=secret[1], code="000000")
    assert refused.status_code == 422
    assert secret[1] in refused.text
    code = pyotp.TOTP(secret[1]).at(int(clock()))
    assert user.post("/account/second-factor", secret=secret[1], code=code).status_code == 302
    assert users.get_user(system.context, USER).has_second_factor
    user.post("/account/second-factor/remove", password=USER_PASSWORD)
    assert not users.get_user(system.context, USER).has_second_factor


def test_sessions_elsewhere_can_be_ended(system: AdminSystem, admin: Actor) -> None:
    elsewhere = Actor(system.app.test_client(), ADMIN, ADMIN_PASSWORD)
    elsewhere.sign_in()
    admin.post("/account/sessions/end-others")
    assert elsewhere.get("/").status_code == 302
    assert admin.get("/").status_code == 200


def test_a_setting_shows_where_its_value_comes_from(admin: Actor) -> None:
    assert "default" in admin.get("/system/settings").text
    admin.post("/system/settings", external_ip="203.0.113.7")
    page = admin.get("/system/settings").text
    assert 'value="203.0.113.7"' in page
    assert "bg-blue-lt" in page


def test_a_bad_value_is_marked_and_nothing_is_kept(admin: Actor) -> None:
    page = admin.post("/system/settings", external_ip="203.0.113.7", sip_port="99999")
    assert page.status_code == 422
    assert 'id="sip_port-error"' in page.text
    assert 'value="99999"' in page.text
    assert "bg-blue-lt" not in admin.get("/system/settings").text


def test_what_the_environment_says_cannot_be_changed(system: AdminSystem, admin: Actor) -> None:
    system.settings.folder.environment.write_text('{"GOSIP_SIP_PORT": "5070"}')
    page = admin.get("/system/settings").text
    field = re.search(r'<input[^>]*id="sip_port"[^>]*>', page)
    assert field is not None
    assert "disabled" in field[0]
    assert "GOSIP_SIP_PORT" in page
    admin.post("/system/settings", sip_port="5090")
    assert 'value="5070"' in admin.get("/system/settings").text


def test_events_can_be_narrowed_to_errors(system: AdminSystem, admin: Actor) -> None:
    database = system.settings.folder.database
    for severity in ("error", "info"):
        record_event(database, severity=severity, source="sip", kind="k", message=f"an {severity} of ours")
    page = admin.get("/system/events?severity=error").text
    assert "an error of ours" in page
    assert "an info of ours" not in page


def test_each_change_is_in_the_audit_log_with_its_author(admin: Actor) -> None:
    admin.post("/devices/new", number="1001")
    page = admin.get("/system/audit").text
    assert "added a phone" in page
    assert ADMIN in page
