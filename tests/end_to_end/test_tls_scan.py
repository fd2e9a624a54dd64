"""What a scanner says of our TLS ports: no protocol below the minimum, no weak suite, nothing to complain of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.system import GosipSystem
from tests.support.testssl import OF_A_PRIVATE_ROOT, Finding, scan

pytestmark = pytest.mark.end_to_end


def test_the_admin_port_offers_nothing_weak(gosip: GosipSystem, tmp_path: Path) -> None:
    check(scan(gosip.host, gosip.https_port, tmp_path))


def check(found: dict[str, Finding]) -> None:
    for old in ("SSLv2", "SSLv3", "TLS1", "TLS1_1"):
        assert found[old].text.startswith("not offered"), found[old]
    for current in ("TLS1_2", "TLS1_3"):
        assert found[current].text.startswith("offered"), found[current]
    for weak in ("cipherlist_NULL", "cipherlist_aNULL", "cipherlist_EXPORT", "cipherlist_LOW", "cipherlist_AVERAGE"):
        assert found[weak].text == "not offered", found[weak]
    assert [one for one in found.values() if one.is_complaint and one.id not in OF_A_PRIVATE_ROOT] == []
