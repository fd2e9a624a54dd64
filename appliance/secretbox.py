"""Secrets at rest: sealed with AES-GCM under a key that lies in a file of its own, outside the database.

A sealed value is bound to its purpose and to the name of its field (the associated data): it cannot be moved to
another field and opened there. Its form is

    version (1 byte) | key id (4 bytes) | nonce (12 bytes) | ciphertext and tag

The key id tells a lost key from a damaged value. Each purpose has a key of its own, derived by HKDF (RFC 5869), so
that a program can be given the one it needs and nothing else.

What to keep: `secret.key` belongs into every backup of the database, and apart from it. Without it phones still
register (their HA1 is in the database), but passwords cannot be rendered and second factors must be set up anew.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from enum import StrEnum
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from appliance.errors import KeyUnusable, WrongKey
from appliance.secret import Secret

__all__ = ["Purpose", "Secret", "SecretBox", "derive_key", "ensure_key_file", "read_key_file", "replace_key_file"]

VERSION = 1
KEY_BYTES = 32
KEY_ID_BYTES = 4
NONCE_BYTES = 12
HEAD_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES
DATABASE_NAME = "gosip.sqlite3"
DAMAGED = "The sealed value of {field} is damaged. Set it anew."


class Purpose(StrEnum):
    """What a derived key opens."""

    DEVICE = "device"
    """SIP passwords of devices: what provisioning renders."""
    ACCOUNT = "account"
    """What belongs to people: second factors."""
    SERVICE = "service"
    """What other services gave us: API tokens, trunk passwords."""
    ANSWER = "answer"
    """Answers that are kept for a day to be repeated: what is shown once may be in them."""
    NONCE = "nonce"
    """Not for sealing: the key under which digest nonces are signed."""


class SecretBox:
    """Seals and opens under one derived key (32 bytes)."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._key_id = hkdf(key, b"gosip key id")[:KEY_ID_BYTES]

    @classmethod
    def at(cls, key_file: Path, purpose: Purpose) -> SecretBox:
        """The box of that purpose. Raises `KeyUnusable`."""
        return cls(derive_key(read_key_file(key_file), purpose))

    def seal(self, field: str, secret: Secret) -> bytes:
        """`field` is the column's name, `device.password`: opening asks for the same one."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        head = bytes([VERSION]) + self._key_id + nonce
        return head + self._cipher.encrypt(nonce, secret.reveal().encode(), field.encode())

    def seal_text(self, field: str, secret: Secret) -> str:
        """The same in base64, for where only text is kept."""
        return base64.b64encode(self.seal(field, secret)).decode()

    def open_text(self, field: str, sealed: str) -> Secret:
        """What `seal_text` made. Raises `WrongKey`."""
        try:
            return self.open(field, base64.b64decode(sealed, validate=True))
        except ValueError as error:
            raise WrongKey(DAMAGED.format(field=field)) from error

    def open(self, field: str, sealed: bytes) -> Secret:
        """Raises `WrongKey` when it was sealed with another key or for another field, or was altered."""
        if len(sealed) < HEAD_BYTES or sealed[0] != VERSION:
            raise WrongKey(DAMAGED.format(field=field))
        if sealed[1 : 1 + KEY_ID_BYTES] != self._key_id:
            raise WrongKey(
                f"The sealed value of {field} belongs to another key than secret.key holds now. "
                "Put the key file of that time back, or set the value anew."
            )
        nonce = sealed[1 + KEY_ID_BYTES : HEAD_BYTES]
        try:
            return Secret(self._cipher.decrypt(nonce, sealed[HEAD_BYTES:], field.encode()).decode())
        except InvalidTag as error:
            raise WrongKey(f"The sealed value of {field} was altered or belongs elsewhere. Set it anew.") from error


def derive_key(master: bytes, purpose: Purpose) -> bytes:
    """The key of one purpose: knowing it opens nothing else."""
    return hkdf(master, b"gosip secret box 1 " + purpose.value.encode())


def hkdf(key: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(key)


def ensure_key_file(path: Path) -> None:
    """Make the key at first start; safe when two programs start at once.

    Raises `KeyUnusable` when it is missing although the database is there: a new key would hide that the old is lost.
    """
    # Asked first: whoever makes both makes the key before the database.
    had_database = path.with_name(DATABASE_NAME).exists()
    if path.exists():
        read_key_file(path)
    elif had_database:
        raise missing_key(path)
    else:
        write_key_file(path, replace=False)


def replace_key_file(path: Path) -> None:
    """A new key in place of a lost one: what was sealed before stays closed for ever."""
    write_key_file(path, replace=True)


def read_key_file(path: Path) -> bytes:
    """The master key. Raises `KeyUnusable` when it is missing, damaged or readable by others."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text("ascii").strip()
        key = base64.b64decode(text, validate=True)
    except FileNotFoundError as error:
        raise missing_key(path) from error
    except OSError as error:
        raise KeyUnusable(
            f"The key file {path} cannot be read: {error.strerror}. Run the command as the user that GoSIP runs as."
        ) from error
    except (ValueError, binascii.Error) as error:
        raise damaged_key(path) from error
    if len(key) != KEY_BYTES:
        raise damaged_key(path)
    if mode & 0o077:
        raise KeyUnusable(f"The key file {path} can be read by others (mode {mode:04o}). Run: chmod 0600 {path}")
    return key


def write_key_file(path: Path, *, replace: bool) -> None:
    """Under a name of its own first, so that nobody reads half a key; on disk before anything is sealed with it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    text = base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.rename(path)
        else:
            link_unless_there(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise KeyUnusable(f"The key file {path} cannot be written: {error.strerror}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def link_unless_there(temporary: Path, path: Path) -> None:
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        pass  # another start was faster: its key is as good


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def missing_key(path: Path) -> KeyUnusable:
    return KeyUnusable(
        f"The key file {path} is missing, and the database contains secrets sealed with it. Put it back from a backup. "
        "If it is lost for good, `gosip key new` makes another one and says what has to be set anew."
    )


def damaged_key(path: Path) -> KeyUnusable:
    return KeyUnusable(f"The key file {path} is damaged. Put it back from a backup.")
