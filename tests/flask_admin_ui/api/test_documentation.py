"""Each address of the API has its line in the operator's documentation, with its methods, and none is made up."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask

PAGE = Path(__file__).parent.parent.parent.parent / "docs" / "operator" / "api.md"


def test_the_documentation_lists_exactly_the_addresses_there_are(app: Flask) -> None:
    there: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/"):
            address = re.sub(r"<\w+(\(.*\))?:", "<", rule.rule)
            there.setdefault(address, set()).update((rule.methods or set()) - {"HEAD", "OPTIONS"})
    rows = re.findall(r"^\| `(/api/[^`]+)` \| ([A-Z, ]+) \|", PAGE.read_text(), flags=re.MULTILINE)
    assert {address: set(methods.split(", ")) for address, methods in rows} == there
