"""Passwords: of people, hashed with Argon2id; of devices, made by us and turned into digest hashes (HA1)."""

from __future__ import annotations

import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from appliance.secret import Secret

# OWASP's second choice: a flood of sign-ins must not take all the memory of a small machine (64 MiB each, by default).
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$89MDqkUcz9nZJ/9PLdDX+g$gQ4TJO2Pmo8XAP3+inrV0YbJUppn/ddUm3bpTnp2rA4"
"""Verified against where there is no such user, so that the answer takes as long."""

ALPHABET = "abcdefghijkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXY34679"
"""Without characters that are taken for another one on a phone's small screen: 0 O o, 1 l I, 2 Z, 5 S, 8 B."""
GENERATED_LENGTH = 20
"""112 bits; some desk phones take no more than 24 characters."""


def hash_password(password: Secret) -> str:
    """The hash of a person's password, to be stored."""
    return HASHER.hash(password.reveal())


def verify_password(stored: str | None, password: Secret) -> bool:
    """Whether it is the password; with None for a user that does not exist, in the same time."""
    try:
        HASHER.verify(stored or NOBODY, password.reveal())
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def needs_rehash(stored: str) -> bool:
    """Whether it was hashed with other parameters than today's."""
    return HASHER.check_needs_rehash(stored)


def generate_password(length: int = GENERATED_LENGTH) -> Secret:
    """A strong SIP password that can be typed on a phone."""
    return Secret("".join(secrets.choice(ALPHABET) for _ in range(length)))


def ha1_md5(username: str, realm: str, password: Secret) -> str:
    """MD5(username:realm:password) (RFC 8760): for phones that know nothing better; never sent."""
    return hashlib.md5(digest_input(username, realm, password), usedforsecurity=False).hexdigest()


def ha1_sha256(username: str, realm: str, password: Secret) -> str:
    """The same with SHA-256."""
    return hashlib.sha256(digest_input(username, realm, password)).hexdigest()


def digest_input(username: str, realm: str, password: Secret) -> bytes:
    return f"{username}:{realm}:{password.reveal()}".encode()
