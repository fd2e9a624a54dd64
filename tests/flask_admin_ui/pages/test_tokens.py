"""The pages for personal tokens."""

from __future__ import annotations

import re

from appliance.operations.api_tokens import list_all_tokens
from tests.support.admin import Actor, AdminSystem


def test_a_token_is_made_shown_once_and_works(system: AdminSystem, user: Actor) -> None:
    shown = user.post("/account/tokens/new", name="monitor", scope="read", days="90")
    token = re.search(r'value="(gosip_[^"]+)"', shown.text)
    assert token is not None
    assert token[1] not in user.get("/account").text
    headers = {"Authorization": f"Bearer {token[1]}"}
    assert system.app.test_client().get("/api/me", headers=headers).get_json()["name"] == "grace"


def test_the_account_lists_the_own_tokens(system: AdminSystem, user: Actor, admin: Actor) -> None:
    user.post("/account/tokens/new", name="monitor", scope="read", days="")
    page = user.get("/account").text
    assert "monitor" in page
    assert "look only" in page
    assert "monitor" not in admin.get("/account").text


def test_faults_come_back_with_what_was_typed(user: Actor) -> None:
    user.post("/account/tokens/new", name="monitor", scope="read", days="90")
    again = user.post("/account/tokens/new", name="monitor", scope="write", days="30")
    assert again.status_code == 422
    assert "has a token of the name monitor already" in again.text
    assert 'value="monitor"' in again.text
    assert user.post("/account/tokens/new", name="", scope="read", days="90").status_code == 422


def test_a_token_is_revoked(system: AdminSystem, user: Actor) -> None:
    user.post("/account/tokens/new", name="monitor", scope="read", days="90")
    (view,) = list_all_tokens(system.context)
    for _ in range(2):  # a double click
        assert user.post(f"/account/tokens/{view.id}/revoke").status_code == 302
    assert list_all_tokens(system.context) == ()
