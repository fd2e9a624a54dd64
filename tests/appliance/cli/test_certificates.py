"""`gosip certificate`: show, upload, deploy, served."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.appliance import Office
from tests.support.cli import Gosip
from tests.support.public_authority import PublicAuthority, Signed


@pytest.fixture
def authority() -> PublicAuthority:
    return PublicAuthority.made(datetime.now(UTC))


@pytest.fixture
def leaf(authority: PublicAuthority) -> Signed:
    return authority.leaf("phones.example")


@pytest.fixture
def files(authority: PublicAuthority, leaf: Signed, tmp_path: Path) -> tuple[str, str]:
    chain, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    chain.write_text(authority.intermediate.pem + leaf.pem)
    key.write_text(leaf.key_pem)
    return str(chain), str(key)


def test_a_preview_then_an_upload(gosip: Gosip, leaf: Signed, files: tuple[str, str]) -> None:
    assert "Nothing was changed." in gosip.text("certificate", "upload", *files, "--preview")
    assert gosip.json("certificate", "show")["certificates"] == []
    told = gosip.text("certificate", "upload", *files)
    assert "put in order" in told
    assert "it will serve it when it starts" in told
    (shown,) = gosip.json("certificate", "show")["certificates"]
    assert (shown["fingerprint"], shown["sans"]) == (leaf.fingerprint, ["phones.example"])
    assert leaf.fingerprint in gosip.text("certificate", "show")


def test_what_no_phone_could_use_is_refused_in_words(gosip: Gosip, files: tuple[str, str]) -> None:
    chain, key = files
    assert "must be in PEM form" in gosip.refused("certificate", "upload", key, key)
    error = gosip.error("certificate", "upload", chain, chain)
    assert (error["kind"], error["details"][0]["field"]) == ("invalid", "key_pem")


def test_a_hook_of_certbot_hands_over_its_lineage(
    gosip: Gosip, leaf: Signed, authority: PublicAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fullchain.pem").write_text(leaf.pem + authority.intermediate.pem)
    (tmp_path / "privkey.pem").write_text(leaf.key_pem)
    monkeypatch.setenv("RENEWED_LINEAGE", str(tmp_path))
    told = gosip.json("certificate", "deploy")
    assert (told["source"], told["fingerprints"]) == ("hook", {"ecdsa": leaf.fingerprint})


def test_without_a_certificate_there_is_nothing_to_deploy(gosip: Gosip, office: Office) -> None:
    assert "No certificate is installed" in gosip.refused("certificate", "deploy")


def test_what_is_served_is_listed(gosip: Gosip, office: Office, files: tuple[str, str]) -> None:
    gosip.text("certificate", "upload", *files)
    (row,) = gosip.json("certificate", "served")["items"]
    assert (row["port"], row["key_type"]) == ("admin page", "ecdsa")
