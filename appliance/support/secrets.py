"""The secrets that a system knows, found again in any text, whatever it is that let them in there.

Redaction by patterns (`appliance.logs`) hides what looks like a secret. This hides what is one: each password, hash
and key of database, key files and settings, as it stands and in base64, in hex, escaped for JSON and for URLs. Of
tokens and set-up codes only hashes are known, so every long word is hashed and compared.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from appliance.database.readonly import read_only
from appliance.errors import SecretBoxError
from appliance.folders import DataFolder
from appliance.logs import REDACTED, SECRET_KEY
from appliance.secret import Secret
from appliance.secretbox import Purpose, SecretBox, derive_key, read_key_file
from appliance.settings import SETTINGS, Settings

GRAM = 8
"""By so many first characters a secret is looked up: none that this system takes is shorter."""
WINDOW = 32 * 1024
LONG_WORD = re.compile(r"[A-Za-z0-9_+/=-]{16,400}")
HASH = re.compile(r"[0-9a-f]{64}")
SEALED = {
    ("device", "sealed_password"): (Purpose.DEVICE, "device.password"),
    ("user", "totp_sealed"): (Purpose.ACCOUNT, "user.totp"),
    ("config", "cloudflare_api_token"): (Purpose.SERVICE, "config.cloudflare_api_token"),
}
"""What can be opened, by table and column."""


class KnownSecrets:
    """Finds them. `hashes` are SHA-256 in hex of secrets that are not known themselves."""

    def __init__(self, secrets: Iterable[bytes], hashes: Iterable[str] = ()) -> None:
        self._by_gram: dict[str, list[str]] = defaultdict(list)
        for form in {form for secret in secrets for form in forms_of(secret)}:
            self._by_gram[form[:GRAM]].append(form)
        self._hashes = frozenset(hashes)

    @classmethod
    def of(cls, settings: Settings) -> KnownSecrets:
        """Those of a system. What cannot be read or opened is not known; nothing is raised."""
        stored = list(stored_secrets(settings.folder))
        secrets = [*stored, *key_secrets(settings.folder), *settings_secrets(settings)]
        texts = (secret.decode("ascii", "replace") for secret in stored)
        return cls(secrets, (text for text in texts if HASH.fullmatch(text)))

    def blank(self, text: str) -> str:
        """The text without any of them."""
        starts: set[str] = set()
        for begin in range(0, len(text), WINDOW):
            window = text[begin : begin + WINDOW + GRAM - 1]
            starts |= self._by_gram.keys() & {window[at : at + GRAM] for at in range(len(window) - GRAM + 1)}
        # The longest first: one secret may begin another.
        for form in sorted((form for start in starts for form in self._by_gram[start]), key=len, reverse=True):
            text = text.replace(form, REDACTED)
        return LONG_WORD.sub(lambda word: REDACTED if self._is_hashed(word[0]) else word[0], text)

    def _is_hashed(self, word: str) -> bool:
        return any(hashlib.sha256(one).hexdigest() in self._hashes for one in readings(word))


def forms_of(secret: bytes) -> Iterator[str]:
    """How it may stand in a text; none shorter than `GRAM`."""
    forms = {secret.hex(), secret.hex().upper()}
    for shift in range(3):
        # Inside a longer base64 text it stands at one of three shifts; the characters at its ends are shared.
        padded = base64.b64encode(bytes(shift) + secret).decode()
        whole = padded.rstrip("=")
        inner = whole[(0, 2, 3)[shift] : len(whole) - (1 if len(padded) != len(whole) else 0)]
        forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    for encoding in ("utf-8", "latin-1"):
        with contextlib.suppress(UnicodeDecodeError):
            text = secret.decode(encoding)
            forms |= {text, json.dumps(text)[1:-1], repr(text)[1:-1], quote(text, safe=""), quote(text)}
    forms |= {repr(secret)[2:-1], quote(secret, safe="")}
    return (form for form in forms if len(form) >= GRAM)


def readings(word: str) -> Iterator[bytes]:
    """What a word may be: itself, base64 or hex; and each of them as a set-up code is compared."""
    for data in decoded(word):
        yield data
        yield bytes(byte for byte in data.upper() if byte not in b"- ")


def decoded(word: str) -> Iterator[bytes]:
    yield word.encode()
    with contextlib.suppress(ValueError):
        yield bytes.fromhex(word)
    with contextlib.suppress(ValueError, binascii.Error):
        bare = word.rstrip("=").replace("+", "-").replace("/", "_")
        yield base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))


def stored_secrets(folder: DataFolder) -> Iterator[bytes]:
    """Of every table the columns whose names tell of secrets, those that are sealed opened."""
    try:
        with read_only(folder.database) as database:
            for table, column in secret_columns(database):
                box = box_of(folder, table, column)
                for (value,) in database.execute(f'SELECT "{column}" FROM "{table}"'):  # noqa: S608 - from the schema
                    if isinstance(value, str):
                        yield value.encode()
                    elif isinstance(value, bytes):
                        yield value
                    if box is not None and value:
                        yield from opened(*box, value)
    except sqlite3.Error:
        return


def secret_columns(database: sqlite3.Connection) -> list[tuple[str, str]]:
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [
        (table, name)
        for table in tables
        for _, name, *_ in database.execute(f'PRAGMA table_info("{table}")')
        if SECRET_KEY.search(name) or re.search(r"hash|ha1|sealed", name)
    ]


def box_of(folder: DataFolder, table: str, column: str) -> tuple[SecretBox, str] | None:
    if (table, column) not in SEALED:
        return None
    purpose, field = SEALED[table, column]
    try:
        return SecretBox.at(folder.secret_key, purpose), field
    except SecretBoxError:
        return None


def opened(box: SecretBox, field: str, sealed: bytes | str) -> Iterator[bytes]:
    """A column of text holds the sealed value in base64."""
    with contextlib.suppress(SecretBoxError, TypeError):
        secret = box.open(field, sealed) if isinstance(sealed, bytes) else box.open_text(field, sealed)
        yield secret.reveal().encode()


def key_secrets(folder: DataFolder) -> Iterator[bytes]:
    """The master key, what is derived from it, and the private keys of certificates, line by line."""
    with contextlib.suppress(SecretBoxError):
        master = read_key_file(folder.secret_key)
        yield master
        yield base64.b64encode(master)
        for purpose in Purpose:
            yield derive_key(master, purpose)
    for path in certificate_files(folder.certificates):
        with contextlib.suppress(OSError):
            data = path.read_bytes()[:65_536]
            if b"PRIVATE KEY" in data:
                lines = [line.strip() for line in data.splitlines() if not line.startswith(b"-----")]
                yield from (line for line in lines if len(line) >= 2 * GRAM)


def certificate_files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.rglob("*") if path.is_file()][:1000]
    except OSError:
        return []


def settings_secrets(settings: Settings) -> Iterator[bytes]:
    for name, setting in SETTINGS.items():
        value = getattr(settings, name)
        if setting.is_secret and value:
            yield (value.reveal() if isinstance(value, Secret) else str(value)).encode()
