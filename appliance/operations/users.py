"""The people who sign in: administrators, and users who see what belongs to them.

There is always one administrator who can sign in: the last one is neither removed, nor disabled, nor made a user.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from appliance.database.models import Session, User
from appliance.errors import Conflict, Forbidden, Invalid, NotFound, SignInRefused
from appliance.operations import checks
from appliance.operations.change import Change, change, check_unchanged, configuration_change, fingerprint
from appliance.operations.checks import Checks, Refused
from appliance.operations.context import Context, Role
from appliance.operations.lockout import begin_own_attempt
from appliance.operations.paging import FIRST_PAGE, Page, PageRequest, paged
from appliance.passwords import hash_password, verify_password
from appliance.secret import Secret

NO_SUCH_USER = "There is no user {name}."
NAME_TAKEN = "The user {name} exists already."
LAST_ADMIN = "{name} is the last administrator who can sign in. Make another one first."
WRONG_PASSWORD = "This is not the current password."  # noqa: S105
BAD_ROLE = "Allowed are admin and user."
NOT_YOURSELF = "Somebody else has to do that to your own account."


@dataclass(frozen=True, slots=True)
class UserView:
    """A person as shown. Times are Unix seconds."""

    id: int
    name: str
    role: Role
    enabled: bool
    has_second_factor: bool
    created_at: float
    last_sign_in_at: float | None

    @property
    def fingerprint(self) -> str:
        """Of what `edit_user` changes."""
        return fingerprint(self.role, self.enabled, self.has_second_factor)


def create_user(context: Context, name: str, password: Secret, role: str = Role.USER) -> UserView:
    """Raises `Invalid`, `Conflict` or `Forbidden`."""
    context.require_admin()
    check = Checks()
    name = check.take("name", checks.user_name, name)
    check.take("password", checks.password, password)
    role = check.take("role", checked_role, role)
    check.finish()
    hashed = hash_password(password)
    with change(context) as now:
        if User.get_or_none(User.name == name) is not None:
            raise Conflict(NAME_TAKEN.format(name=name), field="name")
        row = User.create(name=name, password_hash=hashed, role=role, created_at=context.now)
        now.audit("user.add", name, role=str(role))
    return view_of(row)


def edit_user(
    context: Context,
    name: str,
    *,
    role: str | None = None,
    enabled: bool | None = None,
    password: Secret | None = None,
    remove_second_factor: bool = False,
    seen: str = "",
) -> UserView:
    """Change what is given, all of it or nothing. The person is signed out everywhere.

    `seen` is the fingerprint of what the change was decided on. Raises `Conflict` when that is no longer so.
    """
    context.require_admin()
    check = Checks()
    role = check.take("role", checked_role, role) if role is not None else None
    password = check.take("password", checks.password, password) if password is not None else None
    check.finish()
    hashed = hash_password(password) if password is not None else None
    with change(context) as now:
        row = find_user(name)
        check_unchanged(view_of(row).fingerprint, seen)
        wanted: dict[str, Any] = {"role": role, "enabled": enabled}
        changed = {key: value for key, value in wanted.items() if value is not None and getattr(row, key) != value}
        if changed:
            update(context, row, **changed)
            now.audit("user.edit", row.name, **changed)
        if hashed is not None:
            check_not_self(context, row)
            store_password(now, row, hashed)
        if remove_second_factor and row.totp_sealed is not None:
            check_not_self(context, row)
            drop_second_factor(now, row)
    return view_of(row)


def update(context: Context, row: User, *, role: str | None = None, enabled: bool | None = None) -> None:
    if role == Role.USER or enabled is False:
        check_not_self(context, row)
        check_not_last_admin(row)
    if role is not None:
        row.role = role
    if enabled is not None:
        row.enabled = enabled
    row.save()
    sign_out_everywhere(row)


def remove_user(context: Context, name: str, *, seen: str = "") -> None:
    """Remove a person; extensions that belong to it then belong to nobody. `seen` as in `edit_user`."""
    context.require_admin()
    with configuration_change(context) as now:
        row = find_user(name)
        check_unchanged(view_of(row).fingerprint, seen)
        check_not_self(context, row)
        check_not_last_admin(row)
        row.delete_instance()
        now.audit("user.remove", row.name)


def change_own_password(context: Context, current: Secret, new: Secret, *, keep_session: int | None = None) -> None:
    """Everybody for themselves; all other sessions end. Wrong guesses count for a lock-out."""
    row = own_row(context)
    check = Checks()
    check.take("password", checks.password, new)
    check.finish()
    trial = begin_own_attempt(context)
    if not verify_password(row.password_hash, current):
        raise Invalid({"current": WRONG_PASSWORD})
    trial.succeeded()
    hashed = hash_password(new)
    with change(context) as now:
        store_password(now, row, hashed, keep_session=keep_session)


def store_password(now: Change, row: User, hashed: str, *, keep_session: int | None = None) -> None:
    """Inside a change."""
    User.update(password_hash=hashed).where(User.id == row.id).execute()
    sign_out_everywhere(row, but=keep_session)
    now.audit("user.password", row.name)


def drop_second_factor(now: Change, row: User) -> None:
    """Inside a change."""
    row.totp_sealed, row.totp_last_step = None, 0
    User.update(totp_sealed=None, totp_last_step=0).where(User.id == row.id).execute()
    now.audit("user.second-factor.off", row.name)


def get_user(context: Context, name: str) -> UserView:
    """Oneself, or anybody for an administrator; others do not exist for a user."""
    if not context.is_admin and name != context.actor.name:
        raise NotFound(NO_SUCH_USER.format(name=name))
    return view_of(find_user(name))


def list_users(context: Context, page: PageRequest = FIRST_PAGE) -> Page[UserView]:
    """By name; for administrators."""
    context.require_admin()
    return paged(User.select().order_by(User.name), page, view_of)


def needs_set_up() -> bool:
    """Whether nobody could sign in as an administrator: then a one-time code makes one."""
    return not enabled_admins().exists()


def take_over_as_admin(now: Change, name: str, password_hash: str) -> User:
    """Inside a change that a set-up code allowed: make the administrator, or give back an account that is there."""
    row: User | None = User.get_or_none(User.name == name)
    if row is None:
        row = User.create(name=name, password_hash=password_hash, role=Role.ADMIN, created_at=now.context.now)
    else:
        row.password_hash, row.role, row.enabled, row.totp_sealed = password_hash, Role.ADMIN, True, None
        row.save()
        sign_out_everywhere(row)
    return row


def own_row(context: Context) -> User:
    row: User | None = User.get_or_none(User.id == (context.actor.user_id or 0))
    if row is None or not row.enabled:
        raise SignInRefused("Sign in first.")
    return row


def find_user(name: str) -> User:
    row: User | None = User.get_or_none(User.name == name.casefold())
    if row is None:
        raise NotFound(NO_SUCH_USER.format(name=name))
    return row


def checked_role(value: str) -> str:
    if value not in tuple(Role):
        raise Refused(BAD_ROLE)
    return value


def enabled_admins() -> Any:
    return User.select().where((User.role == Role.ADMIN) & (User.enabled == True))  # noqa: E712


def check_not_last_admin(row: User) -> None:
    if row.role == Role.ADMIN and row.enabled and enabled_admins().count() == 1:
        raise Conflict(LAST_ADMIN.format(name=row.name))


def check_not_self(context: Context, row: User) -> None:
    if context.actor.user_id == row.id:
        raise Forbidden(NOT_YOURSELF)


def sign_out_everywhere(row: User, but: int | None = None) -> None:
    Session.delete().where((Session.user == row) & (Session.id != (but or 0))).execute()


def view_of(row: User) -> UserView:
    return UserView(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        enabled=row.enabled,
        has_second_factor=row.totp_sealed is not None,
        created_at=row.created_at,
        last_sign_in_at=row.last_sign_in_at,
    )
