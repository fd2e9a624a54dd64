"""The page of the certificate: what is installed, an upload that is looked at before it changes anything."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from appliance.certificates.selfsigned import ensure_self_signed
from appliance.certificates.store import CertificateStore
from appliance.operations.certificates import MAX_PEM, certificate_status
from tests.support.admin import Actor, AdminSystem, ManualClock
from tests.support.public_authority import PublicAuthority, Signed

PATH = "/system/certificate"


@pytest.fixture
def authority(system: AdminSystem) -> PublicAuthority:
    return PublicAuthority.made(now(system))


def now(system: AdminSystem) -> datetime:
    return datetime.fromtimestamp(system.appliance.now(), UTC)


def pair(authority: PublicAuthority, leaf: Signed) -> dict[str, str]:
    return {"chain": authority.intermediate.pem + leaf.pem, "key": leaf.key_pem}


def sealed_in(text: str) -> str:
    found = re.search(r'name="sealed" value="([^"]+)"', text)
    assert found is not None
    return found[1]


def test_the_page_shows_the_own_certificate_and_offers_its_root(system: AdminSystem, admin: Actor) -> None:
    ensure_self_signed(
        CertificateStore(system.appliance.folder.certificates), ["phones.example", "192.0.2.7"], now=now(system)
    )
    page = admin.get(PATH).text
    for words in ("phones.example, 192.0.2.7", "90 days left", "unless they trust this machine", "Nothing yet"):
        assert words in page
    root = admin.get(f"{PATH}/root.pem")
    assert root.text.startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE" not in root.text


def test_an_upload_is_looked_at_before_it_changes_anything(
    system: AdminSystem, admin: Actor, authority: PublicAuthority
) -> None:
    given = pair(authority, authority.leaf("phones.example"))
    seen = admin.post(f"{PATH}/preview", **given)
    assert "Names that are added: phones.example" in seen.text
    assert "PRIVATE" not in seen.text
    assert certificate_status(system.context).certificates == ()
    assert admin.post(PATH, sealed=sealed_in(seen.text)).status_code == 302
    (installed,) = certificate_status(system.context).certificates
    assert installed.sans == ("phones.example",)
    assert "phones.example" in admin.get(PATH).text


def test_what_cannot_be_used_is_refused_at_its_field_and_the_key_is_not_shown(
    admin: Actor, authority: PublicAuthority
) -> None:
    leaf, other = authority.leaf("phones.example"), authority.leaf("phones.example")
    wrong = admin.post(f"{PATH}/preview", chain=leaf.pem, key=other.key_pem)
    assert (wrong.status_code, 'id="key-error"' in wrong.text) == (422, True)
    assert "BEGIN CERTIFICATE" in wrong.text  # what was pasted is kept, but for the key
    assert "PRIVATE" not in wrong.text
    empty = admin.post(f"{PATH}/preview")
    assert (empty.status_code, empty.text.count("or paste it.")) == (422, 2)
    assert admin.post(f"{PATH}/preview", chain="x" * (MAX_PEM + 1), key="x").status_code == 422


def test_a_preview_is_good_for_a_quarter_of_an_hour(
    system: AdminSystem, admin: Actor, authority: PublicAuthority, clock: ManualClock
) -> None:
    seen = admin.post(f"{PATH}/preview", **pair(authority, authority.leaf("phones.example")))
    clock.advance(901)
    assert admin.post(PATH, sealed=sealed_in(seen.text)).status_code == 409
    assert admin.post(PATH, sealed="bm9uc2Vuc2U=").status_code == 409
    assert certificate_status(system.context).certificates == ()


def test_the_page_says_what_the_ports_serve(admin: Actor) -> None:
    assert admin.get(f"{PATH}/served").status_code == 200


def test_the_certificate_is_for_administrators(user: Actor) -> None:
    for path in (PATH, f"{PATH}/served", f"{PATH}/root.pem"):
        assert user.get(path).status_code == 403
