"""The support bundle by button and by API: for administrators, as a download."""

from __future__ import annotations

import io
import tarfile

from werkzeug.test import TestResponse

from appliance.operations import support_bundle
from appliance.operations.audit import list_audit
from tests.support.admin import Actor, AdminSystem


def names(response: TestResponse) -> set[str]:
    with tarfile.open(fileobj=io.BytesIO(response.data)) as opened:
        return {name.partition("/")[2] for name in opened.getnames()}


def test_the_button_downloads_it(admin: Actor, system: AdminSystem) -> None:
    assert 'action="/system/support-bundle"' in admin.get("/system/processes").text
    response = admin.post("/system/support-bundle")
    assert (response.status_code, response.mimetype) == (200, "application/gzip")
    assert response.headers["Content-Disposition"].startswith('attachment; filename="gosip-support-')
    assert {"README.txt", "manifest.json", "status.json"} <= names(response)
    row = list_audit(system.context).rows[0]
    assert (row.actor, row.action, row.detail["with_numbers"]) == (admin.name, "support.bundle", False)


def test_the_box_leaves_numbers_and_names(admin: Actor, system: AdminSystem) -> None:
    admin.post("/system/support-bundle", with_numbers="1")
    assert list_audit(system.context).rows[0].detail["with_numbers"] is True


def test_a_second_click_while_one_is_made_says_so(admin: Actor) -> None:
    with support_bundle._making:
        assert admin.post("/system/support-bundle").status_code == 302
        assert "is being made already" in admin.get("/system/processes").text
        assert admin.api("POST", "/api/system/support-bundle").status_code == 409


def test_a_user_gets_none(user: Actor) -> None:
    assert user.post("/system/support-bundle").status_code == 403
    assert user.api("POST", "/api/system/support-bundle").status_code == 403


def test_the_api_sends_it(admin: Actor, system: AdminSystem) -> None:
    response = admin.api("POST", "/api/system/support-bundle?withNumbers=true")
    assert (response.status_code, response.mimetype) == (200, "application/gzip")
    assert "calls.jsonl" in names(response)
    assert list_audit(system.context).rows[0].detail["with_numbers"] is True
    assert admin.api("POST", "/api/system/support-bundle?numbers=true").status_code == 422


def test_a_repetition_with_a_key_is_made_anew(admin: Actor) -> None:
    """A file is not kept to be repeated, and it is no text that could be."""
    for _ in range(2):
        response = admin.client.post(
            "/api/system/support-bundle",
            base_url="https://localhost",
            headers={"X-CSRFToken": admin.token(), "Referer": "https://localhost/", "Idempotency-Key": "again"},
        )
        assert response.status_code == 200
        assert "Idempotency-Replayed" not in response.headers
