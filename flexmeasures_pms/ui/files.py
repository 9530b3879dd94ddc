"""The pages' own files, with their version in the URL, so that browsers cache them permanently.

The version is part of the folder, so that a script's relative imports have it too.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from flask import Response, send_from_directory

from flexmeasures_pms.ui.routes import STATIC, pms_ui

FOLDER = Path(__file__).parent / "static"
YEAR = 365 * 24 * 3600


@cache
def version() -> str:
    """Return a version for the current state of all files."""
    digest = sha256()
    for path in sorted(p for p in FOLDER.rglob("*") if p.is_file()):
        # The manifest of the vendored files has their digests.
        if "vendor" not in path.relative_to(FOLDER).parts or path.name == "manifest.json":
            digest.update(str(path.relative_to(FOLDER)).encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def url(name: str) -> str:
    """Return the URL of a file of the static folder: ``url("css/pms.css")``."""
    return f"{STATIC}/v-{version()}/{name}"


@pms_ui.get(f"{STATIC}/v-<wanted>/<path:name>")
def versioned(wanted: str, name: str) -> Response:
    """Send a file; a request for another version gets the current one, uncached."""
    response = send_from_directory(FOLDER, name)
    keep_for_good(response, wanted)
    return response


def keep_for_good(response: Response, wanted: str) -> None:
    """Allow permanent caching of a file if its URL has the current version."""
    present = wanted == version()
    kept = f"public, max-age={YEAR}, immutable" if present else "no-cache"
    response.headers["Cache-Control"] = kept
