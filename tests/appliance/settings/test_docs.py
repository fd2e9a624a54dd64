"""The page of settings names each one that works, with its variable and help, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from appliance.settings import SETTINGS, Setting

PAGE = (Path(__file__).parent.parent.parent.parent / "docs" / "operator" / "settings.md").read_text()
ROWS = {match[1]: match[0] for match in re.finditer(r"^\| `(\w+)` \|.*$", PAGE, re.MULTILINE)}
OFFERED = [setting for setting in SETTINGS.values() if setting.is_offered]


@pytest.mark.parametrize("setting", OFFERED, ids=[setting.name for setting in OFFERED])
def test_a_setting_stands_in_the_documentation(setting: Setting) -> None:
    row = ROWS[setting.name]
    assert f"`{setting.variable}`" in row
    assert setting.help in row
    assert ("| yes |" in row) is (setting.column is not None)


def test_nothing_is_documented_that_does_not_work() -> None:
    assert set(ROWS) == {setting.name for setting in OFFERED}
