"""People who may sign in; for administrators."""

from __future__ import annotations

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as BaseResponse

from appliance.errors import OperationError
from appliance.operations import users
from appliance.secret import Secret
from flask_admin_ui.forms import EditUserForm, NewUserForm, submitted, take_errors
from flask_admin_ui.pages.common import error_status, form_status, seen
from flask_admin_ui.paging import Listing, read_page
from flask_admin_ui.security.access import context, require_admin, viewer

blueprint = Blueprint("users", __name__)
blueprint.before_request(require_admin)


@blueprint.get("/users")
def index() -> str:
    page = users.list_users(context(), read_page(request.args))
    return render_template("users/index.html", page=Listing.of(page, page.rows, url_for("users.index")))


@blueprint.route("/users/new", methods=["GET", "POST"])
def new() -> BaseResponse:
    form = NewUserForm(submitted())
    if request.method == "POST" and form.validate():
        try:
            made = users.create_user(
                context(), form.name.data or "", Secret(form.password.data or ""), form.role.data or ""
            )
        except OperationError as error:
            take_errors(form, error)
        else:
            flash(gettext("%(name)s can sign in now.", name=made.name), "success")
            return redirect(url_for("users.index"))
    return make_response(render_template("users/form.html", form=form, user=None), form_status())


@blueprint.route("/user/<name>", methods=["GET", "POST"])
def edit(name: str) -> BaseResponse:
    user = users.get_user(context(), name)
    if user.id == viewer().id:
        # One's own rights are somebody else's matter, and one's own password takes the current one.
        return redirect(url_for("account.show"))
    form = EditUserForm(submitted(), obj=user)
    status = form_status()
    if request.method == "POST" and form.validate():
        try:
            users.edit_user(
                context(),
                user.name,
                role=form.role.data,
                enabled=bool(form.enabled.data),
                password=Secret(form.password.data) if form.password.data else None,
                remove_second_factor=bool(form.remove_second_factor.data),
                seen=seen(),
            )
        except OperationError as error:
            take_errors(form, error)
            status = error_status(error)
        else:
            flash(gettext("Saved."), "success")
            return redirect(url_for("users.index"))
    return make_response(render_template("users/form.html", form=form, user=user, conflict=status == 409), status)


@blueprint.post("/user/<name>/delete")
def delete(name: str) -> BaseResponse:
    try:
        users.remove_user(context(), name)
    except OperationError as error:
        flash(str(error), "danger")
        return redirect(url_for("users.edit", name=name))
    flash(gettext("User %(name)s was deleted.", name=name), "success")
    return redirect(url_for("users.index"))
