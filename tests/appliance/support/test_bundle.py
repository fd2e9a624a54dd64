"""A support bundle tells much and gives no secret away."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from appliance.control.protocol import Request
from appliance.database.models import Call, CallLeg, Device, Event, SetupCode, User
from appliance.database.models import Session as SessionRow
from appliance.database.proxy import database
from appliance.errors import Conflict, Forbidden
from appliance.operations import api_tokens, devices, support_bundle
from appliance.operations.audit import list_audit
from appliance.operations.sessions import sign_in
from appliance.operations.setup_codes import new_setup_code
from appliance.operations.support_bundle import make_support_bundle
from appliance.secret import Secret
from appliance.secretbox import Purpose, derive_key, read_key_file
from appliance.support import archive
from appliance.support.archive import MAX_BYTES, Bundle, build
from appliance.support.redaction import Redaction
from tests.support.appliance import PASSWORD, Office
from tests.support.daemon import StandInDaemon

RESPONSE = "0123456789abcdef0123456789abcdef"
MEDIA_KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
TOTP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
DEVICE_PASSWORD = 'open"sesame\\42'
NAMES = ("Ada Lovelace", "Grace Hopper")


def unpacked(bundle: Bundle) -> dict[str, bytes]:
    """Its files by name, without the folder."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(bundle.data)) as opened:
        for member in opened.getmembers():
            file = opened.extractfile(member)
            assert file is not None
            found[member.name.partition("/")[2]] = file.read()
    return found


def forms(secret: str | bytes) -> set[bytes]:
    data = secret.encode() if isinstance(secret, str) else secret
    encoded = base64.b64encode(data).rstrip(b"=")
    escaped = json.dumps(data.decode("latin-1"))[1:-1].encode()
    return {data, escaped, data.hex().encode(), data.hex().upper().encode(), encoded, encoded.translate(URL_SAFE)}


URL_SAFE = bytes.maketrans(b"+/", b"-_")


def leaks(files: dict[str, bytes], secrets: dict[str, str | bytes]) -> set[tuple[str, str]]:
    """Part and kind of each secret that stands in a bundle in any form."""
    return {
        (part, kind)
        for part, data in files.items()
        for kind, secret in secrets.items()
        if any(form in data for form in forms(secret))
    }


class Talking(StandInDaemon):
    """A `sip` whose trace does not redact: the bundle's own net has to hold."""

    messages: list[str]

    def _result(self, request: Request) -> Any:
        if request.method != "trace.read":
            return super()._result(request)
        common = {"at": 1_800_000_000.5, "transport": "UDP", "local": "192.0.2.1:5060", "remote": "192.0.2.7:5060"}
        entries = [
            common | {"serial": number, "direction": "received", "problem": "", "title": "x", "text": text}
            for number, text in enumerate(self.messages)
        ]
        return {"entries": entries, "total": len(entries), "cursor": len(entries)}


@pytest.fixture
def secrets(office: Office) -> dict[str, str | bytes]:
    """One secret of each kind that a system has."""
    admin = office.admin("root")
    devices.add_device(office.console, "201", name=NAMES[0], password=Secret(DEVICE_PASSWORD))
    device = Device.get()
    session = sign_in(office.appliance, "root", PASSWORD, address="192.0.2.10")
    token = api_tokens.make_token(admin, "robot", "write").token
    code = new_setup_code(office.console).reveal()
    sealed = office.appliance.box(Purpose.ACCOUNT).seal("user.totp", Secret(TOTP))
    User.update(totp_sealed=sealed).execute()
    master = read_key_file(office.appliance.folder.secret_key)
    key = office.appliance.folder.certificates / "key.pem"
    key.write_text(f"-----BEGIN PRIVATE KEY-----\n{'Q' * 40}abc\n-----END PRIVATE KEY-----\n")
    return {
        "device password": DEVICE_PASSWORD,
        "HA1 of MD5": device.ha1_md5,
        "HA1 of SHA-256": device.ha1_sha256,
        "sealed password": bytes(device.sealed_password),
        "session token": session.token.reveal(),
        "hash of a session token": SessionRow.get().token_hash,
        "API token": token.reveal(),
        "hash of an API token": hashlib.sha256(token.reveal().encode()).hexdigest(),
        "password hash": User.get().password_hash,
        "second factor": TOTP,
        "set-up code": code,
        "hash of a set-up code": SetupCode.get().code_hash,
        "key file": office.appliance.folder.secret_key.read_text().strip(),
        "key": master,
        "derived key": derive_key(master, Purpose.NONCE),
        "certificate key": "Q" * 40 + "abc",
        "digest response": RESPONSE,
        "media key": MEDIA_KEY,
    }


def plant(office: Office, secrets: dict[str, str | bytes]) -> Talking:
    """Each secret, in each form, in each place from which the bundle takes texts."""
    lines = []
    for kind, secret in secrets.items():
        if kind == "digest response":
            lines += [f'Authorization: Digest username="201", response="{RESPONSE}"', f"response={RESPONSE}, qop=auth"]
        elif kind == "media key":
            lines += [f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{MEDIA_KEY}|2^20|1:32"]
        else:
            lines += [f"{kind} is {form.decode('utf-8', 'replace')} there" for form in sorted(forms(secret))]
    folder = office.appliance.folder
    for name in ("sip", "admin", "web"):
        (folder.logs / f"{name}.log").write_text("\n".join(f"2026-11-24T08:15:30.123Z INFO {line}" for line in lines))
    for number, line in enumerate(lines):
        # The net that knows what a `detail` holds is the same for nested values and for keys.
        detail = {"text": line, "more": [{"deep": line}], line: 1}
        Event.create(severity="error", source="sip", kind="odd", message=line, detail=detail)
        call = Call.create(
            id=f"c{number}", started_at=1.0 * number, status="answered", cause=line, caller_name=line, detail=detail
        )
        CallLeg.create(call=call, side="caller", user_agent=line, sip_call_id=line, remote=line, detail=detail)
    daemon = Talking(folder.sip_socket)
    daemon.messages = [f"INVITE sip:202@phones.example SIP/2.0\nUser-Agent: {line}\n\n{line}" for line in lines]
    return daemon


def test_no_secret_stands_in_a_bundle_in_any_form(office: Office, secrets: dict[str, str | bytes]) -> None:
    """Neither with numbers nor without."""
    with plant(office, secrets):
        for with_numbers in (False, True):
            files = unpacked(make_support_bundle(office.console, with_numbers=with_numbers))
            assert json.loads(files["manifest.json"])["with_numbers"] is with_numbers
            assert {"logs/sip.log", "events.jsonl", "calls.jsonl", "legs.jsonl", "sip-messages.txt"} <= files.keys()
            assert b"INVITE" in files["sip-messages.txt"]
            assert leaks(files, secrets) == set()


def test_without_redaction_the_search_would_find_every_secret(
    office: Office, secrets: dict[str, str | bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the test above proves: it looks where secrets would be, and knows them when it sees them."""
    monkeypatch.setattr(Redaction, "without_secrets", lambda self, text: text)
    with plant(office, secrets):
        found = leaks(unpacked(make_support_bundle(office.console, with_numbers=True)), secrets)
    for part in ("logs/sip.log", "events.jsonl", "calls.jsonl", "legs.jsonl", "sip-messages.txt"):
        assert {kind for place, kind in found if place == part} == set(secrets)


def test_numbers_and_names_are_masked_the_same_way_in_all_parts(office: Office) -> None:
    fill(office)
    with messages(office, ['INVITE sip:202@phones.example SIP/2.0\nFrom: "Grace Hopper" <sip:202@phones.example>']):
        files = unpacked(make_support_bundle(office.console))
    whole = b"".join(files.values())
    for name in NAMES:
        assert name.encode() not in whole
    call = json.loads(files["calls.jsonl"])
    assert (call["caller_number"], call["callee_number"], call["dialled"]) == ("number-1", "number-2", "number-2")
    assert b"sip:number-2@phones.example" in files["sip-messages.txt"]
    assert b"number-1 registered contact=sip:number-1@192.0.2.7" in files["logs/sip.log"]
    assert call["callee_name"].encode() in files["sip-messages.txt"]


def test_numbers_and_names_stay_when_asked_for(office: Office) -> None:
    fill(office)
    files = unpacked(make_support_bundle(office.console, with_numbers=True))
    assert json.loads(files["calls.jsonl"])["callee_name"] == NAMES[1]
    assert b"201 registered contact=sip:201@192.0.2.7" in files["logs/sip.log"]


def fill(office: Office) -> None:
    devices.add_device(office.console, "201", name=NAMES[0])
    devices.add_device(office.console, "202", name=NAMES[1])
    Call.create(
        id="c1",
        started_at=1.0,
        status="answered",
        caller_number="201",
        caller_name=NAMES[0],
        callee_number="202",
        callee_name=NAMES[1],
        dialled="202",
        detail={},
    )
    log = office.appliance.folder.logs / "sip.log"
    log.write_text("2026-11-24T08:15:30.201Z INFO sip.registrar 201 registered contact=sip:201@192.0.2.7 expires=300\n")


@contextmanager
def messages(office: Office, texts: list[str]) -> Iterator[None]:
    daemon = Talking(office.appliance.folder.sip_socket)
    daemon.messages = texts
    with daemon:
        yield


def test_the_manifest_names_each_other_part_with_its_hash(office: Office) -> None:
    files = unpacked(make_support_bundle(office.console))
    manifest = json.loads(files.pop("manifest.json"))
    assert {part["name"]: part["sha256"] for part in manifest["parts"]} == {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items()
    }


def test_when_nothing_runs_each_part_says_so(office: Office) -> None:
    files = unpacked(make_support_bundle(office.console))
    status = json.loads(files["status.json"])
    assert "not running" in status["sip"]["error"]
    assert "not running" in status["supervisor"]["error"]
    assert "not running" in json.loads(files["sip-messages.txt"])["error"]
    assert json.loads(files["database.json"])["quick_check"] == ["ok"]
    assert json.loads(files["database.json"])["rows"]["device"] == 0


def test_a_program_that_does_not_answer_is_waited_for_a_moment_only(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.support.programs.PROBE_SECONDS", 0.1)
    monkeypatch.setattr("appliance.support.writings.TRACE_SECONDS", 0.1)
    with StandInDaemon(office.appliance.folder.sip_socket) as daemon:
        daemon.answers = False
        files = unpacked(make_support_bundle(office.console))
    assert "does not answer within" in json.loads(files["status.json"])["sip"]["error"]
    assert "does not answer within" in json.loads(files["sip-messages.txt"])["error"]


def test_a_damaged_database_leaves_the_other_parts(office: Office) -> None:
    (office.appliance.folder.logs / "sip.log").write_text("password=open-sesame-42\nsays this\n")
    database.close()
    path = office.appliance.folder.database
    for each in path.parent.glob("gosip.sqlite3-*"):
        each.unlink()
    path.write_bytes(b"no database" * 100)
    files = unpacked(build(office.appliance.settings, 1_800_000_000.0, with_numbers=False))
    assert "DatabaseError" in json.loads(files["database.json"])["error"]
    assert files["logs/sip.log"] == b"password=***\nsays this\n"


def test_long_logs_are_cut_at_a_line_and_the_whole_stays_small(office: Office) -> None:
    for number in range(40):
        lines = (f"{number} line {line} " + "x" * 80 for line in range(5000))
        (office.appliance.folder.logs / f"media-{number}.log").write_text("\n".join(lines))
    bundle = make_support_bundle(office.console)
    files = unpacked(bundle)
    assert sum(len(data) for data in files.values()) < MAX_BYTES
    assert files["logs/media-7.log"].startswith(b"7 line ")
    assert files["logs/media-7.log"].rstrip().endswith(b"line 4999 " + b"x" * 80)
    assert [part.shortened for part in bundle.parts if part.name == "logs/media-7.log"] == [True]


def test_a_part_without_room_is_left_out_and_says_so(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 20_000)
    (office.appliance.folder.logs / "sip.log").write_text("x y\n" * 10_000)
    files = unpacked(make_support_bundle(office.console))
    assert "left out" in json.loads(files["logs/sip.log"])["error"]


def test_only_an_administrator_makes_one(office: Office) -> None:
    with pytest.raises(Forbidden):
        make_support_bundle(office.person("grace"))


def test_the_audit_log_tells_of_it(office: Office) -> None:
    bundle = make_support_bundle(office.admin("root"), with_numbers=True)
    row = list_audit(office.console).rows[0]
    assert (row.actor, row.action, row.subject) == ("root", "support.bundle", bundle.name)
    assert row.detail["with_numbers"] is True


def test_one_is_made_at_a_time(office: Office) -> None:
    with support_bundle._making, pytest.raises(Conflict):
        make_support_bundle(office.console)
    make_support_bundle(office.console)


def test_looking_changes_nothing_in_the_database(office: Office) -> None:
    path: Path = office.appliance.folder.database
    with sqlite3.connect(path) as connection:
        before = connection.execute("PRAGMA data_version").fetchone()
        build(office.appliance.settings, 1_800_000_000.0, with_numbers=False)
        assert connection.execute("PRAGMA data_version").fetchone() == before
