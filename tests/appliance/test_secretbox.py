"""The secret box: what is sealed opens with the same key, purpose and field, and with nothing else."""

from __future__ import annotations

import stat
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import KeyUnusable, WrongKey
from appliance.secret import Secret
from appliance.secretbox import Purpose, SecretBox, derive_key, ensure_key_file, read_key_file, replace_key_file

MASTER = bytes(range(32))
FIELD = "device.password"


def box(purpose: Purpose = Purpose.DEVICE, master: bytes = MASTER) -> SecretBox:
    return SecretBox(derive_key(master, purpose))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secret.key"


@given(st.text())
def test_what_was_sealed_opens_again(text: str) -> None:
    assert box().open(FIELD, box().seal(FIELD, Secret(text))) == Secret(text)


def test_the_text_is_not_in_the_sealed_value() -> None:
    assert b"correct horse" not in box().seal(FIELD, Secret("correct horse"))


def test_sealing_twice_gives_two_values() -> None:
    assert box().seal(FIELD, Secret("a")) != box().seal(FIELD, Secret("a"))


def test_a_value_moved_to_another_field_does_not_open() -> None:
    with pytest.raises(WrongKey, match="belongs elsewhere"):
        box().open("trunk.password", box().seal(FIELD, Secret("a")))


def test_the_key_of_another_purpose_does_not_open_it() -> None:
    with pytest.raises(WrongKey, match="another key"):
        box(Purpose.ACCOUNT).open(FIELD, box().seal(FIELD, Secret("a")))


def test_another_key_file_does_not_open_it_and_the_text_says_what_to_do() -> None:
    with pytest.raises(WrongKey, match="Put the key file of that time back"):
        box(master=bytes(32)).open(FIELD, box().seal(FIELD, Secret("a")))


@pytest.mark.parametrize("position", [0, 3, 10, 20, -1])
def test_an_altered_value_does_not_open(position: int) -> None:
    sealed = bytearray(box().seal(FIELD, Secret("some text")))
    sealed[position] ^= 1
    with pytest.raises(WrongKey):
        box().open(FIELD, bytes(sealed))


@given(st.binary(max_size=80))
def test_any_bytes_open_or_raise_the_documented_error(data: bytes) -> None:
    with pytest.raises(WrongKey):
        box().open(FIELD, data)


def test_each_purpose_has_a_key_of_its_own() -> None:
    assert len({derive_key(MASTER, purpose) for purpose in Purpose}) == len(Purpose)


def test_the_first_start_makes_a_key_that_only_the_owner_reads(path: Path) -> None:
    ensure_key_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(read_key_file(path)) == 32
    assert list(path.parent.iterdir()) == [path]


def test_the_second_start_keeps_the_key(path: Path) -> None:
    ensure_key_file(path)
    first = read_key_file(path)
    ensure_key_file(path)
    assert read_key_file(path) == first


def test_starts_at_the_same_time_agree_on_one_key(path: Path) -> None:
    with get_context("forkserver").Pool(4) as pool:
        pool.map(ensure_key_file, [path] * 8)
        assert len(set(pool.map(read_key_file, [path] * 4))) == 1


def test_a_lost_key_beside_a_database_is_not_silently_replaced(path: Path) -> None:
    path.with_name("gosip.sqlite3").touch()
    with pytest.raises(KeyUnusable, match="Put it back from a backup"):
        ensure_key_file(path)
    assert not path.exists()


def test_a_lost_key_can_be_replaced_on_purpose(path: Path) -> None:
    path.with_name("gosip.sqlite3").touch()
    replace_key_file(path)
    assert len(read_key_file(path)) == 32


@pytest.mark.parametrize("content", [b"", b"too short", b"\xff\xfe", b"A" * 43, b"!" * 44])
def test_a_damaged_key_is_said_in_words(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyUnusable, match="is damaged"):
        read_key_file(path)


def test_a_key_that_others_can_read_is_refused_with_the_command_that_helps(path: Path) -> None:
    ensure_key_file(path)
    path.chmod(0o644)
    with pytest.raises(KeyUnusable, match="chmod 0600"):
        read_key_file(path)


def test_a_missing_key_is_said_in_words(path: Path) -> None:
    with pytest.raises(KeyUnusable, match="is missing"):
        SecretBox.at(path, Purpose.DEVICE)


def test_a_folder_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match="cannot be written"):
        ensure_key_file(tmp_path / "absent" / "secret.key")
