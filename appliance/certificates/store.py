"""Where installed certificates lie: versioned folders, and a link that names the current one for each key type.

    certs/versions/rsa-20261124T031512-1f2e3d4c/{fullchain.pem,privkey.pem}
    certs/current/rsa -> ../versions/rsa-20261124T031512-1f2e3d4c

A reader that goes through `current` sees the old pair or the new one, never half of each: the link is replaced at once.
"""

from __future__ import annotations

import os
import shutil
import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.certificates.bundle import Bundle, load
from appliance.errors import CertificateError

KEY_TYPES = ("rsa", "ecdsa")
CHAIN = "fullchain.pem"
KEY = "privkey.pem"
KEPT_VERSIONS = 5


@dataclass(frozen=True, slots=True)
class CertificateStore:
    """The folder `certs/` of a data folder."""

    path: Path

    def current(self, key_type: str) -> Path:
        """The folder through which programs read the pair; it may not exist yet."""
        return self.path / "current" / key_type

    def load_current(self, key_type: str, *, now: datetime | None) -> Bundle | None:
        """The installed bundle, None when there is none. Raises `CertificateError` when what is there is unusable.

        Without `now` one that has expired is given all the same.
        """
        return self.load_version(self.current(key_type), now=now)

    def load_version(self, folder: Path, *, now: datetime | None) -> Bundle | None:
        """The bundle in one folder; else as `load_current`."""
        try:
            return load((folder / CHAIN).read_bytes(), (folder / KEY).read_bytes(), now=now)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CertificateError(f"The certificate in {folder} cannot be read: {error.strerror}.") from error

    def install(self, bundle: Bundle, *, now: datetime) -> Path:
        """Write a new version, on disk before the link names it. Returns the folder to read through."""
        version = self.path / "versions" / f"{bundle.key_type}-{now:%Y%m%dT%H%M%S}-{bundle.fingerprint[:8]}"
        version.parent.mkdir(parents=True, exist_ok=True)
        temporary = version.with_name(f".{version.name}.{os.getpid()}")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(mode=0o700)
        write_durably(temporary / CHAIN, bundle.chain_pem, 0o644)
        write_durably(temporary / KEY, bundle.key_pem, 0o600)
        prove(temporary)
        if version.exists():
            shutil.rmtree(version)
        temporary.rename(version)
        sync_folder(version.parent)
        self._point_to(bundle.key_type, version)
        self._forget_old(bundle.key_type)
        return self.current(bundle.key_type)

    def withdraw(self, key_type: str) -> None:
        """Serve no certificate of this type any more; its versions stay."""
        self.current(key_type).unlink(missing_ok=True)

    def _point_to(self, key_type: str, version: Path) -> None:
        link = self.current(key_type)
        link.parent.mkdir(parents=True, exist_ok=True)
        temporary = link.with_name(f".{key_type}.{os.getpid()}")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(os.path.relpath(version, link.parent))
        temporary.replace(link)
        sync_folder(link.parent)

    def _forget_old(self, key_type: str) -> None:
        current = self.current(key_type).resolve()
        versions = sorted((self.path / "versions").glob(f"{key_type}-*"))
        for version in versions[:-KEPT_VERSIONS]:
            if version != current:
                shutil.rmtree(version, ignore_errors=True)


def prove(folder: Path) -> None:
    """Load a pair as servers do, before anybody depends on it. Raises `CertificateError`, and removes the folder."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(folder / CHAIN, folder / KEY)
    except (ssl.SSLError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        reason = getattr(error, "reason", None) or error.strerror or "unknown"
        raise CertificateError(
            f"The TLS library does not take this certificate ({reason.lower().replace('_', ' ')}). Have it made anew, "
            "with SHA-256 and a key of RSA 2048 or P-256."
        ) from error


def write_durably(path: Path, data: bytes, mode: int) -> None:
    """Write a file that is on disk, with this mode from its first byte on, when the function returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
