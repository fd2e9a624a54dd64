"""The certificate through the API: shown, previewed, put in; for administrators."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.support.admin import Actor, AdminSystem
from tests.support.public_authority import PublicAuthority

PATH = "/api/system/tls/certificate"


def test_a_certificate_is_previewed_then_installed(system: AdminSystem, admin: Actor) -> None:
    authority = PublicAuthority.made(datetime.fromtimestamp(system.appliance.now(), UTC))
    leaf = authority.leaf("phones.example")
    body = {"chainPem": authority.intermediate.pem + leaf.pem, "keyPem": leaf.key_pem}
    preview = admin.api("POST", PATH, {**body, "preview": True}).get_json()
    assert (preview["installed"], preview["namesGained"]) == (False, ["phones.example"])
    assert admin.api("GET", PATH).get_json()["certificates"] == []
    done = admin.api("POST", PATH, body).get_json()
    assert (done["installed"], done["deployment"]["succeeded"]) == (True, True)
    (shown,) = admin.api("GET", PATH).get_json()["certificates"]
    assert (shown["issuer"], shown["sans"]) == ("CN=Test intermediate", ["phones.example"])
    assert shown["expiry"].endswith("Z")
    (row,) = admin.api("GET", "/api/system/tls/deployments").get_json()["items"]
    assert row["source"] == "upload"


def test_a_refused_certificate_never_shows_its_key(system: AdminSystem, admin: Actor) -> None:
    authority = PublicAuthority.made(datetime.fromtimestamp(system.appliance.now(), UTC))
    leaf, other = authority.leaf("phones.example"), authority.leaf("phones.example")
    answer = admin.api("POST", PATH, {"chainPem": leaf.pem, "keyPem": other.key_pem})
    assert answer.status_code == 422
    assert answer.get_json()["details"][0]["field"] == "keyPem"
    assert "PRIVATE" not in answer.text


def test_users_get_to_none_of_it(system: AdminSystem, user: Actor) -> None:
    for path in ("certificate", "deployments", "served"):
        assert user.api("GET", f"/api/system/tls/{path}").status_code == 403
