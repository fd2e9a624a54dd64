"""testssl.sh: what an unfriendly eye finds at a TLS port."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

OF_A_PRIVATE_ROOT = {"cert_chain_of_trust", "cert_revocation"}
"""Nobody but this machine vouches for a certificate of its own: that is what it is for."""
COMPLAINTS = {"LOW", "MEDIUM", "HIGH", "CRITICAL"}
"""WARN is trouble of the scanner's own: something that it could not try."""
ASPECTS = ("--protocols", "--std", "--pfs", "--server-preference", "--server-defaults", "--vulnerable")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of its report."""

    id: str
    severity: str
    text: str

    @property
    def is_complaint(self) -> bool:
        return self.severity in COMPLAINTS


def scan(host: str, port: int, folder: Path) -> dict[str, Finding]:
    """The findings by their id. Takes half a minute."""
    report = folder / f"testssl-{port}.json"
    command = ["testssl", "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", *ASPECTS]
    done = subprocess.run(
        [*command, "--jsonfile", str(report), f"{host}:{port}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert report.exists(), f"testssl.sh found nothing to look at: {done.stdout[-500:]}{done.stderr[-500:]}"
    findings = (Finding(row["id"], row["severity"], row["finding"]) for row in json.loads(report.read_text()))
    return {finding.id: finding for finding in findings}
