"""Fetches the styles, scripts, icons and fonts of the admin pages at set-up.

    python -m flask_admin_ui.assets --npm PATH     install what package-lock.json names, copy what is used
    python -m flask_admin_ui.assets --check        exit 0 if that was done for this very lock

One rule: what a browser loads comes from `static/vendor`, served by ourselves; nothing there is committed, and
nothing is fetched while the system runs.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

FOLDER = Path(__file__).parent
MODULES = FOLDER / "node_modules"
VENDOR = FOLDER / "static" / "vendor"

FILES = {
    "tabler.css": "@tabler/core/dist/css/tabler.min.css",
    "tabler.js": "@tabler/core/dist/js/tabler.min.js",
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "chart.js": "chart.js/dist/chart.umd.min.js",
    "inter-latin.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    "inter-latin-ext.woff2": "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2",
}
"""Name in `static/vendor` -> the file inside `node_modules`."""
FONTS = {
    "inter-latin-ext.woff2": "U+0100-02BA, U+02BD-02C5, U+02C7-02CC, U+02CE-02D7, U+02DD-02FF, U+0304, U+0308, U+0329, "
    "U+1D00-1DBF, U+1E00-1E9F, U+1EF2-1EFF, U+2020, U+20A0-20AB, U+20AD-20C0, U+2113, U+2C60-2C7F, U+A720-A7FF",
    "inter-latin.woff2": "U+0000-00FF, U+0131, U+0152-0153, U+02BB-02BC, U+02C6, U+02DA, U+02DC, U+0304, U+0308, "
    "U+0329, U+2000-206F, U+20AC, U+2122, U+2190-2193, U+2212, U+2215, U+FEFF, U+FFFD",
}
"""Font file -> the characters that it is fetched for."""
FONT_FACE = """@font-face {{
  font-family: "Inter Variable";
  font-display: swap;
  font-weight: 100 900;
  src: url("{name}?v={version}") format("woff2");
  unicode-range: {characters};
}}
"""

# fmt: off
ICONS = (
    "activity", "adjustments-horizontal", "alert-circle", "alert-triangle", "arrow-left", "chevron-left",
    "chevron-right", "circle-check", "clock", "copy", "dashboard", "device-landline-phone", "download", "edit",
    "file-download", "filter", "history", "info-circle", "key", "lock", "login", "logout", "moon-stars", "phone",
    "phone-calling", "phone-end", "plug-connected-x", "plus", "qrcode", "refresh", "search", "server",
    "shield-check", "sun-high", "trash", "user-circle", "user-plus", "users", "x",
)
# fmt: on
"""Icons of @tabler/icons that the pages use (a test compares them with the templates)."""


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m flask_admin_ui.assets", description=__doc__)
    parser.add_argument("--npm", default="npm", help="the npm program to install with")
    parser.add_argument("--check", action="store_true", help="only tell whether everything is in place")
    options = parser.parse_args(arguments)
    if is_complete():
        return 0
    if options.check:
        return 1
    try:
        with exclusive():
            if not is_complete():  # another start may have done it while this one waited
                install(options.npm)
                publish()
    except (OSError, subprocess.CalledProcessError, MissingAsset) as error:
        print(f"The web assets could not be installed: {reason(error)}", file=sys.stderr)
        return 1
    return 0


class MissingAsset(Exception):
    """An installed package no longer has a file that the pages use."""


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """One at a time: npm replaces its folder while it works. The kernel lets go of the lock with the process."""
    with (FOLDER / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def stamp() -> str:
    """What the vendor folder is made from: the lock, the list of files and the list of icons."""
    digest = hashlib.sha256((FOLDER / "package-lock.json").read_bytes())
    digest.update(json.dumps([FILES, FONTS, FONT_FACE, sorted(ICONS)]).encode())
    return digest.hexdigest()


def is_complete() -> bool:
    """Whether `static/vendor` holds what this lock and these lists ask for."""
    manifest = VENDOR / "manifest.json"
    try:
        known = json.loads(manifest.read_text())
    except (OSError, ValueError):
        return False
    return bool(known.get("stamp") == stamp()) and all((VENDOR / name).exists() for name in known["files"])


def install(npm: str) -> None:
    """Install exactly what the lock names; no script of any package is run."""
    print("Installing the locked packages of the admin pages ...", flush=True)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    finished = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise subprocess.CalledProcessError(finished.returncode, command, finished.stdout, finished.stderr)


def publish() -> None:
    """Copy the used files to `static/vendor`: all of them, or what was there before stays."""
    made = MODULES / ".published"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    hashes = {}
    for name, source in FILES.items():
        path = MODULES / source
        if not path.is_file():
            raise MissingAsset(f"{source} is not in the installed packages")
        hashes[name] = write(made / name, path.read_bytes())
    hashes["fonts.css"] = write(made / "fonts.css", font_faces(hashes).encode())
    hashes["icons.svg"] = write(made / "icons.svg", sprite().encode())
    (made / "manifest.json").write_text(json.dumps({"stamp": stamp(), "files": hashes}, indent=1))
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.parent.mkdir(exist_ok=True)
    made.rename(VENDOR)
    print(f"{len(hashes)} files ready, {len(ICONS)} icons.", flush=True)


def write(path: Path, content: bytes) -> str:
    """Write one file without the reference to a source map that is not published; returns its content hash."""
    if path.suffix in (".js", ".css"):
        content = re.sub(rb"\n?(?://|/\*)# sourceMappingURL=\S+(?: ?\*/)?\s*$", b"\n", content)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()[:16]


def font_faces(hashes: Mapping[str, str]) -> str:
    """The style sheet of the fonts. Their addresses carry their hashes too: a browser keeps every file for a year."""
    return "".join(
        FONT_FACE.format(name=name, version=hashes[name], characters=characters)
        for name, characters in FONTS.items()
        if name in hashes
    )


def sprite() -> str:
    """One SVG file with a symbol for each icon, so that a page loads 60 drawings in one cached request."""
    symbols = []
    for name in sorted(set(ICONS)):
        path = MODULES / "@tabler/icons/icons/outline" / f"{name}.svg"
        if not path.is_file():
            raise MissingAsset(f"the icon {name} is not in @tabler/icons")
        drawing = re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", path.read_text(), flags=re.DOTALL)
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{" ".join(drawing.split())}</symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>\n'


def reason(error: Exception) -> str:
    """One sentence for a person, with the last lines of npm if it was npm."""
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} was not found. Install Node.js with npm, or name it with --npm."
    if isinstance(error, subprocess.CalledProcessError):
        tail = "\n".join((error.stderr or error.stdout or "").strip().splitlines()[-8:])
        return f"npm ended with status {error.returncode}. Is the package registry reachable?\n{tail}"
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
