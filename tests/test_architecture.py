"""The import rule: arrows point only downward, and nobody imports from inside a function to hide one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("appliance", "sip_daemon", "flask_admin_ui")

ALLOWED: dict[str, frozenset[str]] = {
    name: frozenset(allowed.split())
    for name, allowed in {
        "errors": "",
        "flow": "",
        "directory": "",
        "media.audio": "",
        "message": "errors flow",
        "sdp": "errors flow",
        "media.packets": "errors",
        "transaction": "message flow errors",
        "dialog": "message flow errors",
        "transport": "message flow errors",
        "authentication": "message directory errors",
        "registrar": "message flow directory authentication errors",
        "media.crypto": "media.packets sdp errors",
        "media.session": "media.packets media.audio media.crypto sdp flow errors",
        "media.commands": "media.packets media.audio media.session sdp flow errors appliance.control",
        "media.worker": "media.commands media.session sdp flow errors appliance.control",
        "media.__main__": "media.worker media.session appliance.settings appliance.logs appliance.errors",
        "media": "",
        "trace": "message flow errors",
        "endpoint": "transport transaction trace message flow errors",
        "reachability": "endpoint registrar transaction message flow errors",
        "media_plane": "sdp flow errors appliance.control",
        "defence": "authentication registrar transport message flow errors",
        "call": "endpoint transaction dialog sdp media_plane registrar authentication directory message flow errors",
        "trunk": "endpoint dialog authentication directory message flow errors",
        "mwi": "endpoint dialog authentication directory message flow errors",
        "store": "directory registrar defence call.record flow errors appliance.database",
        "control": "appliance.control errors",
    }.items()
}
"""What each part of `sip_daemon` may import besides the standard library and itself."""

COMPOSITION_ROOTS = {"daemon", "__main__"}
THIRD_PARTY = {
    "appliance": {
        "peewee",
        "click",
        "cryptography",
        "argon2",
        "pyotp",
        "segno",
        "ifaddr",
        "orjson",
        "supervisor",
        "h11",
    },
    "sip_daemon": {"uvloop", "ifaddr", "orjson", "peewee", "dns"},
    "flask_admin_ui": {
        "flask",
        "flask_babel",
        "flask_wtf",
        "gunicorn",
        "jinja2",
        "markupsafe",
        "pydantic",
        "pydantic_core",
        "segno",
        "werkzeug",
        "wtforms",
    },
}


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "node_modules" in path.parts:
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path


KNOWN = {name for name, _ in modules()}


def imported(path: Path, module: str) -> Iterator[tuple[str, bool]]:
    """Each imported module, and whether the import stands at the top level or under TYPE_CHECKING."""
    tree = ast.parse(path.read_text())
    inside = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.walk(node)
    }
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node not in inside
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                parts = parts[: len(parts) - node.level + 1]
                base = ".".join([*parts, base] if base else parts)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield (full if full in KNOWN else base), node not in inside


def part_of(module: str) -> str:
    """`sip_daemon.media.session.relay` belongs to the part `media.session`."""
    parts = module.split(".")[1:]
    for length in (2, 1):
        name = ".".join(parts[:length])
        if name in ALLOWED or name in COMPOSITION_ROOTS:
            return name
    return parts[0] if parts else ""


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=[name for name, _ in modules()])
def test_imports_point_downward(module: str, path: Path) -> None:
    package = module.split(".")[0]
    for target, _ in imported(path, module):
        root = target.split(".")[0]
        if root not in PACKAGES:
            continue
        if package in ("appliance", "flask_admin_ui"):
            assert root in {"appliance", package}, f"{module} imports {target}"
        elif part_of(module) not in COMPOSITION_ROOTS | {""}:
            check_daemon_part(module, target)


def check_daemon_part(module: str, target: str) -> None:
    own = part_of(module)
    assert own in ALLOWED, f"{module} is not in the table of the import rule"
    if target.startswith("sip_daemon"):
        part = part_of(target)
        allowed = part == own or part in ALLOWED[own] or target.removeprefix("sip_daemon.") in ALLOWED[own]
    else:
        allowed = any(target == name or target.startswith(name + ".") for name in ALLOWED[own])
    assert allowed, f"{module} imports {target}"


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=[name for name, _ in modules()])
def test_no_import_hides_in_a_function(module: str, path: Path) -> None:
    hidden = [target for target, top in imported(path, module) if not top and target.split(".")[0] in PACKAGES]
    assert not hidden, f"{module} imports {hidden} inside a function"


def test_the_ansible_folder_is_no_package() -> None:
    assert not (ROOT / "ansible" / "__init__.py").exists()
