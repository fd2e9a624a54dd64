"""Forms of the pages: what a field is called, which limits it has, and how a refusal reaches its field.

One rule: `operations` decides what is allowed. A form only checks what cannot be handed on at all (a missing or
overlong value) and shows the reasons that the operation gives, at the field they belong to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import request
from flask_babel import gettext, lazy_gettext
from werkzeug.datastructures import ImmutableMultiDict
from wtforms import BooleanField, Form, HiddenField, IntegerField, PasswordField, SelectField, StringField

# Newer than the stubs of WTForms.
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import EqualTo, InputRequired, Length, Optional

from appliance.errors import Conflict, Invalid, OperationError

NAME_LIMIT = 100
PASSWORD_LIMIT = 1024


def submitted() -> ImmutableMultiDict[str, str] | None:
    """The sent form; None when a page is only looked at. An empty one would switch every check box off."""
    return request.form if request.method == "POST" else None


def required() -> InputRequired:
    return InputRequired(lazy_gettext("This is needed."))


def at_most(limit: int) -> Length:
    return Length(max=limit, message=lazy_gettext("At most %(limit)s characters.", limit=limit))


def strip(value: str | None) -> str | None:
    return value.strip() if value else value


def take_errors(form: Form, error: OperationError, default: str | None = None) -> None:
    """Mark the fields that an operation refused; what belongs to no field of the form stands above it.

    `default` is the field that a refusal without a field of its own is about.
    """
    details: Mapping[str, str] = {}
    if isinstance(error, Invalid):
        details = error.details
    elif isinstance(error, Conflict) and error.field:
        details = {error.field: str(error)}
    elif default is not None:
        details = {default: str(error)}
    if not details:
        form.form_errors = [*form.form_errors, str(error)]
    for name, message in details.items():
        field = form._fields.get(name)
        if field is None:
            form.form_errors = [*form.form_errors, message]
        else:
            field.errors = [*field.errors, message]


class SignInForm(Form):
    name = StringField(lazy_gettext("User name"), [required(), at_most(NAME_LIMIT)], filters=[strip])
    password = PasswordField(lazy_gettext("Password"), [required(), at_most(PASSWORD_LIMIT)])
    code = StringField(lazy_gettext("Six digits of your authenticator app"), [at_most(20)], filters=[strip])


class CodeForm(Form):
    code = StringField(lazy_gettext("Six digits"), [required(), at_most(20)], filters=[strip])


class RepeatedPassword(Form):
    """A new password, typed twice."""

    password = PasswordField(lazy_gettext("New password"), [required(), at_most(PASSWORD_LIMIT)])
    repeated = PasswordField(
        lazy_gettext("New password once more"),
        [required(), EqualTo("password", lazy_gettext("The two passwords differ."))],
    )


class SetUpForm(RepeatedPassword):
    code = StringField(lazy_gettext("One-time code"), [required(), at_most(100)], filters=[strip])
    name = StringField(lazy_gettext("User name"), [required(), at_most(NAME_LIMIT)], filters=[strip], default="admin")


class PasswordForm(RepeatedPassword):
    current = PasswordField(lazy_gettext("Current password"), [required(), at_most(PASSWORD_LIMIT)])


class ConfirmForm(Form):
    password = PasswordField(lazy_gettext("Password"), [required(), at_most(PASSWORD_LIMIT)])


class TokenForm(Form):
    """A personal token for a program."""

    name = StringField(lazy_gettext("What uses it?"), [required(), at_most(NAME_LIMIT)], filters=[strip])
    scope = SelectField(
        lazy_gettext("It may"),
        choices=[
            SelectChoice("read", lazy_gettext("look only")),
            SelectChoice("write", lazy_gettext("do everything that I may")),
        ],
    )
    days = SelectField(
        lazy_gettext("It ends"),
        choices=[
            SelectChoice("30", lazy_gettext("in 30 days")),
            SelectChoice("90", lazy_gettext("in 90 days")),
            SelectChoice("365", lazy_gettext("in a year")),
            SelectChoice("", lazy_gettext("never")),
        ],
        default="90",
    )


class SecondFactorForm(CodeForm):
    secret = HiddenField(validators=[required(), at_most(200)])


class OwnedForm(Form):
    """A form of a number, which may belong to a person."""

    owner = SelectField(lazy_gettext("Belongs to"), choices=[], default="")

    def offer_owners(self, people: Sequence[tuple[int, str]]) -> None:
        """The people to choose from, by id and name."""
        nobody = SelectChoice("", gettext("nobody in particular"))
        self.owner.choices = [nobody, *(SelectChoice(str(id), name) for id, name in people)]

    @property
    def owner_id(self) -> int | None:
        """The chosen person; the field has checked that it is one of those offered."""
        return int(self.owner.data) if self.owner.data else None


class NewDeviceForm(OwnedForm):
    number = StringField(lazy_gettext("Number"), [required(), at_most(NAME_LIMIT)], filters=[strip])
    name = StringField(lazy_gettext("Name"), [at_most(NAME_LIMIT)], filters=[strip])
    label = StringField(lazy_gettext("What phone is it?"), [at_most(NAME_LIMIT)], filters=[strip])
    username = StringField(lazy_gettext("Username"), [at_most(NAME_LIMIT)], filters=[strip])


class EditDeviceForm(Form):
    label = StringField(lazy_gettext("What phone is it?"), [at_most(NAME_LIMIT)], filters=[strip])
    enabled = BooleanField(lazy_gettext("May be used"))


class NumberForm(OwnedForm):
    number = StringField(lazy_gettext("Number"), [required(), at_most(NAME_LIMIT)], filters=[strip])
    name = StringField(lazy_gettext("Name"), [at_most(NAME_LIMIT)], filters=[strip])
    ring_seconds = IntegerField(
        lazy_gettext("Rings for (seconds)"), [InputRequired(lazy_gettext("A whole number of seconds."))]
    )


DURATIONS = [
    SelectChoice("", lazy_gettext("for good")),
    SelectChoice("3600", lazy_gettext("an hour")),
    SelectChoice("86400", lazy_gettext("a day")),
    SelectChoice("604800", lazy_gettext("a week")),
    SelectChoice("2592000", lazy_gettext("30 days")),
]


class BanForm(Form):
    source = StringField(lazy_gettext("Address"), [required(), at_most(NAME_LIMIT)], filters=[strip])
    duration = SelectField(lazy_gettext("For how long"), choices=DURATIONS, default="")
    note = StringField(lazy_gettext("Why"), [at_most(NAME_LIMIT)], filters=[strip])
    force = BooleanField(lazy_gettext("Even if phones are registered from there"))

    @property
    def seconds(self) -> int | None:
        return int(self.duration.data) if self.duration.data else None


ROLES = [SelectChoice("user", lazy_gettext("User")), SelectChoice("admin", lazy_gettext("Administrator"))]


class NewUserForm(Form):
    name = StringField(lazy_gettext("User name"), [required(), at_most(NAME_LIMIT)], filters=[strip])
    role = SelectField(lazy_gettext("Role"), choices=ROLES)
    password = PasswordField(lazy_gettext("Password"), [required(), at_most(PASSWORD_LIMIT)])


class EditUserForm(Form):
    role = SelectField(lazy_gettext("Role"), choices=ROLES)
    password = PasswordField(lazy_gettext("New password"), [Optional(), at_most(PASSWORD_LIMIT)])
    enabled = BooleanField(lazy_gettext("May sign in"))
    remove_second_factor = BooleanField(lazy_gettext("Remove the second factor"))
