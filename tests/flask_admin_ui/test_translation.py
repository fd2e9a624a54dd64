"""Every text of the pages can be collected for translation."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
from babel.messages.extract import extract_from_dir

FOLDER = Path(__file__).parent.parent.parent / "flask_admin_ui"
TEMPLATES = sorted((FOLDER / "templates").rglob("*.html"))


def test_the_texts_of_templates_and_modules_are_collected() -> None:
    methods = [("templates/**.html", "jinja2"), ("**.py", "python")]
    keywords = {"_": None, "gettext": None, "lazy_gettext": None}
    found = {str(text) for _, _, text, _, _ in extract_from_dir(str(FOLDER), methods, {}, keywords)}
    assert {"Add a phone", "Nothing to report", "answered", "Too many attempts", "User name"} <= found
    assert len(found) > 300


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(FOLDER / "templates")))
def test_no_template_has_words_outside_of_gettext(path: Path) -> None:
    """Words between tags, or in attributes that people hear or read, go through `_()`."""
    nodes = jinja2.Environment(extensions=["jinja2.ext.i18n"]).parse(path.read_text())
    text = "\0".join(node.data for node in nodes.find_all(jinja2.nodes.TemplateData))
    assert plain_words(text) == []


def plain_words(markup: str) -> list[str]:
    """What a person would read of the literal parts of a template, besides the product's name and signs."""
    visible, inside = [], False
    for character in markup:
        if character == "<":
            inside = True
        elif character == ">":
            inside = False
        elif not inside:
            visible.append(character)
    words = "".join(character if character.isalpha() else " " for character in "".join(visible)).split()
    return [word for word in words if word not in {"GoSIP", "doctype", "html"} and len(word) > 1]
