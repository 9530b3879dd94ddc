"""Compare what the installed FlexMeasures loads from other hosts with the table."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

from flexmeasures_pms.ui.offline.table import FILES

# Map tiles are not available offline: serve.py removes their layer.
GIVEN_UP = ("api.mapbox.com",)

_LOADED = re.compile(
    r"""<(?:script|link|img)\b[^>]*?\b(?:src|href)=["']https?://([^"']+)["']"""
    r"""|url\(["']?https?://([^"')]+)"""
    r"""|\bfrom\s+["']https?://([^"']+)["']"""
    r"""|["']https?://([^"'\s]+\.(?:svg|png|js|css|woff2))(?:\?[^"'\s]*)?["']""",
    re.DOTALL,
)
_VERSION = re.compile(r"\{\{\s*(?:config\.FLEXMEASURES_JS_VERSIONS|js_versions)\.(\w+)\s*\}\}")
_SEARCHED = ("ui/templates/**/*.html", "ui/static/js/*.js", "ui/static/css/*.css", "ui/utils/*.py")


def lacking() -> list[tuple[str, str]]:
    """Return the URLs that are missing in the table, each with the file that has it."""
    return [(url, where) for url, where in sorted(set(_loaded())) if not _covered(url)]


def _covered(url: str) -> bool:
    return url.partition("?")[0] in FILES or url.startswith(GIVEN_UP)


def _loaded() -> Iterator[tuple[str, str]]:
    home = _flexmeasures()
    versions = _versions(home)
    for pattern in _SEARCHED:
        for path in sorted(home.glob(pattern)):
            text = _VERSION.sub(lambda m: versions.get(m[1], m[0]), path.read_text())
            for match in _LOADED.finditer(text):
                url = next(filter(None, match.groups()))
                yield url, str(path.relative_to(home))


def _flexmeasures() -> Path:
    spec = importlib.util.find_spec("flexmeasures")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("FlexMeasures is not installed here.")
    return Path(spec.origin).parent


def _versions(home: Path) -> dict[str, str]:
    """Read the default versions of libraries in FlexMeasures."""
    text = (home / "utils" / "config_defaults.py").read_text()
    block = text.partition("FLEXMEASURES_JS_VERSIONS")[2].partition("\n    )")[0]
    return dict(re.findall(r"(\w+)=\"([\d.]+)\"", block))
