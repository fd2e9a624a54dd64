"""Signing in: sessions, the lock-out, the second factor and one-time codes."""

from __future__ import annotations

import pyotp
import pytest

from appliance.database.models import Session, SetupCode, SignInFailure, User
from appliance.errors import CodeNeeded, Conflict, Forbidden, Invalid, LockedOut, SignInRefused
from appliance.operations import second_factor, sessions, setup_codes, users
from appliance.operations.context import Context, Role
from appliance.operations.events import list_events
from appliance.secret import Secret
from tests.support.appliance import PASSWORD, Office

HOME = "192.0.2.10"
ELSEWHERE = "198.51.100.7"
WRONG = Secret("wrong password")


def sign_in(
    office: Office,
    name: str = "ada",
    password: Secret = PASSWORD,
    address: str = HOME,
    code: str = "",
    browser: str = "",
) -> sessions.SignedIn:
    return sessions.sign_in(
        office.appliance, name, password, address=address, code=code, user_agent="test", browser=browser
    )


def fail(office: Office, name: str = "ada", address: str = HOME) -> None:
    with pytest.raises(SignInRefused):
        sign_in(office, name, WRONG, address)


def with_second_factor(office: Office, name: str = "ada") -> pyotp.TOTP:
    context = office.person(name)
    offer = second_factor.offer_second_factor(context)
    totp = pyotp.TOTP(offer.secret.reveal())
    second_factor.confirm_second_factor(context, offer.secret, totp.at(int(office.clock())))
    return totp


def test_the_right_password_starts_a_session(office: Office) -> None:
    office.person("ada")
    signed_in = sign_in(office, "Ada")
    found = sessions.authenticate(office.appliance, signed_in.token)
    assert found is not None
    assert (found.actor.name, found.actor.role) == ("ada", Role.USER)
    assert found.session.address == HOME


def test_only_the_hash_of_the_token_is_stored(office: Office) -> None:
    office.person("ada")
    token = sign_in(office).token.reveal()
    assert Session.get().token_hash != token
    assert token not in str(Session.get().__data__)


def test_wrong_password_and_unknown_user_get_the_same_answer(office: Office) -> None:
    office.person("ada")
    texts = []
    for name in ("ada", "nobody"):
        with pytest.raises(SignInRefused) as caught:
            sign_in(office, name, WRONG)
        texts.append(str(caught.value))
    assert texts[0] == texts[1]


def test_a_disabled_user_gets_that_answer_too_and_its_sessions_end(office: Office) -> None:
    office.person("ada")
    token = sign_in(office).token
    users.edit_user(office.console, "ada", enabled=False)
    assert sessions.authenticate(office.appliance, token) is None
    with pytest.raises(SignInRefused, match="user name or the password"):
        sign_in(office)


def test_a_session_lasts_a_day_from_its_last_use(office: Office) -> None:
    office.person("ada")
    token = sign_in(office).token
    for _ in range(3):
        office.clock.advance(23 * 3600)
        assert sessions.authenticate(office.appliance, token) is not None
    office.clock.advance(24 * 3600)
    assert sessions.authenticate(office.appliance, token) is None


def test_a_page_that_asks_all_the_time_does_not_write_all_the_time(office: Office) -> None:
    office.person("ada")
    token = sign_in(office).token
    office.clock.advance(30)
    sessions.authenticate(office.appliance, token)
    assert Session.get().used_at == Session.get().created_at


def test_signing_out_ends_the_session(office: Office) -> None:
    office.person("ada")
    token = sign_in(office).token
    sessions.sign_out(token)
    assert sessions.authenticate(office.appliance, token) is None


def test_a_made_up_token_is_nobody(office: Office) -> None:
    assert sessions.authenticate(office.appliance, Secret("x")) is None


def test_one_ends_the_own_session_elsewhere_and_no_other(office: Office) -> None:
    ada, bob = office.person("ada"), office.person("bob")
    sign_in(office, "ada")
    (session,) = sessions.own_sessions(ada)
    sessions.end_own_session(bob, session.id)
    assert len(sessions.own_sessions(ada)) == 1
    sessions.end_own_session(ada, session.id)
    assert sessions.own_sessions(ada) == ()


def test_five_failures_lock_the_account_from_everywhere_for_fifteen_minutes(office: Office) -> None:
    office.person("ada")
    for index in range(5):
        fail(office, address=f"198.51.100.{index}")
    with pytest.raises(LockedOut, match="15 minutes") as caught:
        sign_in(office, address="203.0.113.1")
    assert caught.value.retry_after == 15 * 60
    office.clock.advance(15 * 60 + 1)
    assert sign_in(office).actor.name == "ada"


def test_five_failures_lock_the_address_for_every_account(office: Office) -> None:
    office.person("ada")
    for index in range(5):
        fail(office, f"guess{index}", ELSEWHERE)
    with pytest.raises(LockedOut):
        sign_in(office, address=ELSEWHERE)
    assert sign_in(office, address=HOME).actor.name == "ada"


def test_a_lock_out_is_reported_once_for_each_address(office: Office) -> None:
    office.person("ada")
    for _ in range(5):
        fail(office)
    for address in (HOME, HOME, ELSEWHERE):
        with pytest.raises(LockedOut):
            sign_in(office, address=address)
    events = list_events(office.console).rows
    assert [(event.severity, event.source) for event in events] == [("warning", "admin")] * 2
    assert {HOME in event.message for event in events} == {True, False}
    assert all("ada" not in event.message for event in events)
    office.clock.advance(16 * 60)
    for _ in range(5):
        fail(office)
    with pytest.raises(LockedOut):
        sign_in(office)
    assert list_events(office.console).total == 3


def test_strangers_do_not_lock_a_browser_in_which_the_person_has_signed_in_before(office: Office) -> None:
    office.person("ada")
    for _ in range(5):
        fail(office)
    with pytest.raises(LockedOut):
        sign_in(office)
    assert sign_in(office, browser="b1").actor.name == "ada"


def test_a_known_browser_has_five_guesses_of_its_own(office: Office) -> None:
    office.person("ada")
    for _ in range(5):
        with pytest.raises(SignInRefused):
            sign_in(office, password=WRONG, browser="b1")
    with pytest.raises(LockedOut):
        sign_in(office, browser="b1")
    assert sign_in(office).actor.name == "ada"


def test_an_unknown_account_is_locked_like_a_known_one(office: Office) -> None:
    for index in range(5):
        fail(office, "nobody", f"198.51.100.{index}")
    with pytest.raises(LockedOut):
        sign_in(office, "nobody")


def test_attempts_while_locked_do_not_prolong_it(office: Office) -> None:
    office.person("ada")
    for _ in range(5):
        fail(office)
    office.clock.advance(14 * 60)
    with pytest.raises(LockedOut):
        sign_in(office)
    office.clock.advance(61)
    assert sign_in(office).actor.name == "ada"


def test_a_success_makes_the_account_start_anew(office: Office) -> None:
    office.person("ada")
    for _ in range(2):
        for _ in range(4):
            fail(office)
        sign_in(office)
    assert SignInFailure.select().count() == 0


def test_a_success_does_not_wash_the_address_clean_of_other_accounts(office: Office) -> None:
    office.person("ada")
    for index in range(4):
        fail(office, f"guess{index}", ELSEWHERE)
    sign_in(office, "ada", address=ELSEWHERE)
    fail(office, "guess9", ELSEWHERE)
    with pytest.raises(LockedOut):
        sign_in(office, "ada", address=ELSEWHERE)


def test_with_a_second_factor_the_password_alone_asks_for_the_code(office: Office) -> None:
    with_second_factor(office)
    with pytest.raises(CodeNeeded):
        sign_in(office)
    assert SignInFailure.select().count() == 0


def test_the_code_is_asked_for_only_after_the_right_password(office: Office) -> None:
    with_second_factor(office)
    with pytest.raises(SignInRefused) as caught:
        sign_in(office, password=WRONG)
    assert not isinstance(caught.value, CodeNeeded)


def test_a_code_is_taken_once(office: Office) -> None:
    totp = with_second_factor(office)
    office.clock.advance(60)
    code = totp.at(int(office.clock()))
    assert sign_in(office, code=code).actor.name == "ada"
    with pytest.raises(SignInRefused, match="used already"):
        sign_in(office, code=code)


def test_the_code_that_confirmed_it_is_used_already(office: Office) -> None:
    totp = with_second_factor(office)
    with pytest.raises(SignInRefused):
        sign_in(office, code=totp.at(int(office.clock())))


@pytest.mark.parametrize(("offset", "is_taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_half_a_minute_off(office: Office, offset: int, is_taken: bool) -> None:
    totp = with_second_factor(office)
    office.clock.advance(600)
    code = totp.at(int(office.clock()) + offset)
    if is_taken:
        assert sign_in(office, code=f" {code[:3]} {code[3:]} ").actor.name == "ada"
    else:
        with pytest.raises(SignInRefused):
            sign_in(office, code=code)


def test_wrong_codes_count_for_the_lock_out(office: Office) -> None:
    with_second_factor(office)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            sign_in(office, code="000000")
    with pytest.raises(LockedOut):
        sign_in(office)


def test_an_offered_factor_without_a_right_code_has_no_effect(office: Office) -> None:
    context = office.person("ada")
    offer = second_factor.offer_second_factor(context)
    assert offer.uri.reveal().startswith("otpauth://totp/GoSIP:ada%40phones.example?secret=")
    for code in ("", "000000", "abc", "١٢٣٤٥٦"):
        with pytest.raises(Invalid, match="code is wrong"):
            second_factor.confirm_second_factor(context, offer.secret, code)
    with pytest.raises(Invalid):
        second_factor.confirm_second_factor(context, Secret("no base32!"), "000000")
    assert User.get().totp_sealed is None


def test_the_secret_of_the_second_factor_is_sealed(office: Office) -> None:
    totp = with_second_factor(office)
    assert totp.secret.encode() not in (User.get().totp_sealed or b"")


def test_a_second_factor_is_dropped_with_the_password_or_by_an_administrator(office: Office) -> None:
    with_second_factor(office)
    context = office.person("ada")
    with pytest.raises(Invalid, match="not the current password"):
        second_factor.drop_own_second_factor(context, WRONG)
    second_factor.drop_own_second_factor(context, PASSWORD)
    assert sign_in(office).actor.name == "ada"
    with_second_factor(office)
    users.edit_user(office.admin(), "ada", remove_second_factor=True)
    with pytest.raises(Forbidden):
        users.edit_user(context, "admin", remove_second_factor=True)
    assert sign_in(office).actor.name == "ada"


def test_a_second_factor_is_not_replaced_by_a_session_that_was_left_open(office: Office) -> None:
    """Removing the old one takes the password."""
    totp = with_second_factor(office)
    context = office.person("ada")
    with pytest.raises(Conflict, match="Remove it first"):
        second_factor.offer_second_factor(context)
    with pytest.raises(Conflict, match="Remove it first"):
        second_factor.confirm_second_factor(context, Secret(totp.secret), totp.at(int(office.clock())))


def use_code(office: Office, code: Secret, name: str = "admin", password: Secret = PASSWORD) -> sessions.SignedIn:
    return setup_codes.use_setup_code(office.appliance, code, name, password, address=HOME)


def test_a_fresh_system_needs_a_code_and_has_no_account(office: Office) -> None:
    assert users.needs_set_up()
    assert User.select().count() == 0


def test_a_code_makes_the_first_administrator_and_signs_in(office: Office) -> None:
    code = setup_codes.new_setup_code(office.console)
    signed_in = use_code(office, code, "Admin")
    assert (signed_in.actor.name, signed_in.actor.role) == ("admin", Role.ADMIN)
    assert sessions.authenticate(office.appliance, signed_in.token) is not None
    assert not users.needs_set_up()


def test_a_code_may_be_typed_carelessly(office: Office) -> None:
    code = setup_codes.new_setup_code(office.console).reveal()
    assert use_code(office, Secret(" " + code.lower().replace("-", " "))).actor.name == "admin"


def test_a_code_is_stored_as_a_hash(office: Office) -> None:
    code = setup_codes.new_setup_code(office.console).reveal()
    assert code not in str(SetupCode.get().__data__)


def test_a_code_is_good_once(office: Office) -> None:
    code = setup_codes.new_setup_code(office.console)
    use_code(office, code)
    with pytest.raises(SignInRefused, match="gosip admin reset"):
        use_code(office, code, "second")


def test_a_code_expires_after_a_day(office: Office) -> None:
    code = setup_codes.new_setup_code(office.console)
    office.clock.advance(24 * 3600 + 1)
    with pytest.raises(SignInRefused):
        use_code(office, code)


def test_a_new_code_makes_the_old_one_void(office: Office) -> None:
    old = setup_codes.new_setup_code(office.console)
    new = setup_codes.new_setup_code(office.console)
    with pytest.raises(SignInRefused):
        use_code(office, old)
    assert use_code(office, new).actor.name == "admin"


def test_a_refused_password_does_not_use_the_code_up(office: Office) -> None:
    code = setup_codes.new_setup_code(office.console)
    with pytest.raises(Invalid, match="at least 8"):
        use_code(office, code, password=Secret("short"))
    assert use_code(office, code).actor.name == "admin"


def test_guessing_codes_locks_the_address(office: Office) -> None:
    code = setup_codes.new_setup_code(office.console)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            use_code(office, Secret("AAAA-BBBB-CCCC-DDDD"))
    with pytest.raises(LockedOut):
        use_code(office, code)


def test_guessing_codes_elsewhere_does_not_keep_the_owner_out(office: Office) -> None:
    code = setup_codes.new_setup_code(office.console)
    guess = Secret("AAAA-BBBB-CCCC-DDDD")
    for _ in range(5):
        with pytest.raises(SignInRefused):
            setup_codes.use_setup_code(office.appliance, guess, "eve", PASSWORD, address=ELSEWHERE)
    assert use_code(office, code).actor.name == "admin"


def test_a_reset_gives_a_lost_account_back_without_its_second_factor(office: Office) -> None:
    office.admin("ada")
    with_second_factor(office)
    for _ in range(5):
        fail(office)
    code = setup_codes.new_setup_code(office.console)
    use_code(office, code, "ada", Secret("a new password"))
    assert sign_in(office, password=Secret("a new password")).actor.role == Role.ADMIN


def test_only_an_administrator_makes_codes(office: Office) -> None:
    with pytest.raises(Forbidden):
        setup_codes.new_setup_code(office.person("ada"))


def test_users_are_made_by_administrators_with_a_password_of_eight_characters(office: Office) -> None:
    admin = office.admin()
    view = users.create_user(admin, "Grace", Secret("12345678"), "user")
    assert (view.name, view.role, view.enabled) == ("grace", Role.USER, True)
    with pytest.raises(Invalid) as caught:
        users.create_user(admin, "a b", Secret("1234567"), "king")
    assert set(caught.value.details) == {"name", "password", "role"}
    with pytest.raises(Conflict, match="exists already"):
        users.create_user(admin, "GRACE", Secret("12345678"))
    with pytest.raises(Forbidden):
        users.create_user(office.person("bob"), "eve", Secret("12345678"))


def test_the_last_administrator_stays(office: Office) -> None:
    office.admin("ada")
    for change in ({"role": "user"}, {"enabled": False}):
        with pytest.raises(Conflict, match="last administrator"):
            users.edit_user(office.console, "ada", **change)
    with pytest.raises(Conflict, match="last administrator"):
        users.remove_user(office.console, "ada")
    office.admin("grace")
    users.remove_user(office.console, "ada")
    assert [view.name for view in users.list_users(office.console).rows] == ["grace"]


def test_nobody_takes_the_own_rights_away_by_mistake(office: Office) -> None:
    ada = office.admin("ada")
    office.admin("grace")
    with pytest.raises(Forbidden):
        users.edit_user(ada, "ada", role="user")
    with pytest.raises(Forbidden):
        users.remove_user(ada, "ada")


def test_a_new_role_ends_the_sessions_of_the_old_one(office: Office) -> None:
    office.person("ada")
    token = sign_in(office).token
    users.edit_user(office.console, "ada", role="admin")
    assert sessions.authenticate(office.appliance, token) is None


def test_changing_the_own_password_needs_the_current_one_and_ends_the_other_sessions(office: Office) -> None:
    ada = office.person("ada")
    here, there = sign_in(office).token, sign_in(office, address=ELSEWHERE).token
    found = sessions.authenticate(office.appliance, here)
    assert found is not None
    with pytest.raises(Invalid, match="not the current password"):
        users.change_own_password(ada, WRONG, Secret("a new password"))
    with pytest.raises(Invalid, match="at least 8"):
        users.change_own_password(ada, PASSWORD, Secret("short"))
    users.change_own_password(ada, PASSWORD, Secret("a new password"), keep_session=found.session.id)
    assert sessions.authenticate(office.appliance, here) is not None
    assert sessions.authenticate(office.appliance, there) is None
    assert sign_in(office, password=Secret("a new password")).actor.name == "ada"


def test_guessing_the_current_password_is_locked_out_too(office: Office) -> None:
    ada = office.person("ada")
    for _ in range(5):
        with pytest.raises(Invalid):
            users.change_own_password(ada, WRONG, Secret("a new password"))
    with pytest.raises(LockedOut):
        users.change_own_password(ada, PASSWORD, Secret("a new password"))


def test_strangers_at_the_entrance_do_not_keep_a_person_from_a_new_password(office: Office) -> None:
    ada = office.person("ada")
    for _ in range(5):
        fail(office)
    users.change_own_password(ada, PASSWORD, Secret("a new password"))


def test_an_administrator_sets_somebodys_password_and_signs_them_out(office: Office) -> None:
    office.person("ada")
    token = sign_in(office).token
    users.edit_user(office.admin(), "ada", password=Secret("a new password"))
    assert sessions.authenticate(office.appliance, token) is None
    assert sign_in(office, password=Secret("a new password")).actor.name == "ada"
    with pytest.raises(Forbidden):
        users.edit_user(office.person("bob"), "ada", password=Secret("a new password"))


def test_an_administrators_own_password_takes_the_current_one(office: Office) -> None:
    """A session left open must not be enough, for the second factor neither."""
    admin = office.admin("admin")
    with_second_factor(office, "admin")
    for change in ({"password": Secret("a new password")}, {"remove_second_factor": True}):
        with pytest.raises(Forbidden):
            users.edit_user(admin, "admin", **change)


def test_a_person_is_changed_at_once_or_not_at_all(office: Office) -> None:
    office.admin("ada")
    with pytest.raises(Conflict, match="last administrator"):
        users.edit_user(office.console, "ada", password=Secret("a new password"), enabled=False)
    assert sign_in(office).actor.name == "ada"
    with pytest.raises(Invalid):
        users.edit_user(office.console, "ada", role="user", password=Secret("short"))
    assert users.get_user(office.console, "ada").role is Role.ADMIN


def test_a_change_decided_on_an_old_state_is_refused(office: Office) -> None:
    office.person("ada")
    seen = users.get_user(office.console, "ada").fingerprint
    users.edit_user(office.console, "ada", role="admin", seen=seen)
    with pytest.raises(Conflict, match="in the meantime"):
        users.edit_user(office.console, "ada", enabled=False, seen=seen)


def test_the_command_line_is_no_user_with_a_password(office: Office) -> None:
    context: Context = office.console
    with pytest.raises(SignInRefused):
        users.change_own_password(context, WRONG, Secret("a new password"))
