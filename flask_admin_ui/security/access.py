"""Who the viewer of this request is, and which parts of the site the role may open.

One rule: whatever is not named public needs a signed-in person; a new page is closed until somebody opens it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import g, request

from appliance.operations.api_tokens import TokenView
from appliance.operations.context import NOBODY, Actor, Context, Role
from flask_admin_ui.errors import ProblemError
from flask_admin_ui.services import services

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in person."""

    id: int
    name: str
    role: Role
    session_id: int | None
    """None for a program that shows a personal token."""
    token: TokenView | None = None

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    @property
    def scope(self) -> str:
        """Two viewers of one scope see the same: all admins, or one user alone."""
        return "admin" if self.is_admin else f"user {self.id}"


def known_viewer() -> Viewer | None:
    """The viewer of this request; None for somebody who has not signed in."""
    found: Viewer | None = g.get("viewer")
    return found


def viewer() -> Viewer:
    """The viewer, where one is needed. Raises the 401."""
    found = known_viewer()
    if found is None:
        raise ProblemError(401)
    return found


def context() -> Context:
    """What operations take first: who asks, and from which address."""
    found = known_viewer()
    actor = Actor(found.name, found.role, found.id) if found is not None else NOBODY
    by = f", token {found.token.name}" if found is not None and found.token is not None else ""
    return Context(services().appliance, actor, source_address() + by)


def source_address() -> str:
    """The address that the request came from (nginx tells it)."""
    return request.remote_addr or "local"


def admin_only(view: Callable[P, R]) -> Callable[P, R]:
    """A view for administrators: others get the 403 page."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        require_admin()
        return view(*args, **kwargs)

    return checked


def require_admin() -> None:
    """Raises the 401 or 403."""
    if not viewer().is_admin:
        raise ProblemError(403)


def require_session() -> int:
    """The session of this request: what a personal token cannot do. Raises the 401 or 403."""
    session_id = viewer().session_id
    if session_id is None:
        raise ProblemError(403, "A personal token cannot do that: sign in with name and password.")
    return session_id


def template_values() -> dict[str, Any]:
    """What each template may name."""
    return {"viewer": known_viewer()}
