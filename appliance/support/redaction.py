"""What every text goes through before it may stand in a bundle: known secrets, patterns of secrets, then masks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from appliance.logs import REDACTED, SECRET_KEY, redact
from appliance.support.masking import Mask
from appliance.support.secrets import KnownSecrets

PATTERNS: tuple[tuple[str, int, str], ...] = (
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL, REDACTED),
    (r"""(\b(?:response|rspauth)\s*=\s*\\?["']?)[0-9a-f]{16,}""", re.IGNORECASE, rf"\1{REDACTED}"),
    (r"(\b(?:Bearer|Basic)\s+)[\w.~+/=-]+", re.IGNORECASE, rf"\1{REDACTED}"),
    (r"(\b(?:Set-)?Cookie\s*:\s*)[^\r\n]+", re.IGNORECASE, rf"\1{REDACTED}"),
    (r"(__Host-[\w-]+=)[^\s;,\"']+", 0, rf"\1{REDACTED}"),
    (r"\bgosip_[\w-]{20,}", 0, REDACTED),
    (r"\$argon2\w*\$[^\s\"']+", 0, REDACTED),
    (r"(?<![\w-])[a-z2-9]{4}(?:-[a-z2-9]{4}){3}(?![\w-])", re.IGNORECASE, REDACTED),
    (r"(\bsips?:[^\s:@;<>\"]{1,128}:)[^\s@<>\"]{1,256}(?=@)", re.IGNORECASE, rf"\1{REDACTED}"),
    (r"(\b\w{1,16}://[^\s:@/]{1,128}:)[^\s@/]{1,256}(?=@)", 0, rf"\1{REDACTED}"),
    (r"(\b(?:ice-pwd|key-mgmt)\s*[:=]\s*)\S+", re.IGNORECASE, rf"\1{REDACTED}"),
)
"""Private keys, digest proofs, HTTP credentials, our tokens, password hashes, set-up codes, passwords in URIs, ICE."""


class Redaction:
    """One for a bundle, so that one number has one mask in all parts."""

    def __init__(self, secrets: KnownSecrets, mask: Mask) -> None:
        self._secrets = secrets
        self.mask = mask

    def text(self, text: str) -> str:
        """What a program said."""
        return self.mask.text(self.without_secrets(text))

    def message(self, text: str) -> str:
        """A SIP message as the trace tells it."""
        return self.mask.message(self.without_secrets(text))

    def value(self, value: Any) -> Any:
        """A JSON value with everything that is said in it."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {self.text(str(key)): self._field(str(key), one) for key, one in value.items()}
            case list() | tuple():
                return [self.value(one) for one in value]
            case None | bool() | int() | float():
                return value
        return self.text(str(value))

    def plain(self, value: Any) -> Any:
        """The same without masks: facts about machine and programs, in which digits are no numbers of phones."""
        match value:
            case str():
                return self.without_secrets(value)
            case Mapping():
                return {str(key): self.plain(one) for key, one in value.items()}
            case list() | tuple():
                return [self.plain(one) for one in value]
            case None | bool() | int() | float():
                return value
        return self.without_secrets(str(value))

    def without_secrets(self, text: str) -> str:
        text = redact(self._secrets.blank(text))
        # Compiled when first used, and kept by `re`: each command of ours imports this, and few make a bundle.
        for pattern, flags, replacement in PATTERNS:
            text = re.sub(pattern, replacement, text, flags=flags)
        return text

    def _field(self, key: str, value: Any) -> Any:
        if isinstance(value, str) and value:
            if SECRET_KEY.search(key):
                return REDACTED
            if key in NUMBER_FIELDS:
                return self.mask.number(self.without_secrets(value))
            if key in NAME_FIELDS:
                return self.mask.name(self.without_secrets(value))
        return self.value(value)


NUMBER_FIELDS = frozenset(
    {
        "callee",
        "callee_number",
        "caller",
        "caller_device",
        "caller_number",
        "device",
        "dialled",
        "extension",
        "number",
        "username",
    }
)
NAME_FIELDS = frozenset({"actor", "callee_name", "caller_name", "display_name", "label", "name"})
"""Fields of rows and details that hold one and nothing else."""
