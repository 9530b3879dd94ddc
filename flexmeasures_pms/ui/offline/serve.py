"""With ``PMS_OFFLINE_ASSETS``: serve FlexMeasures' pages from this server only.

The loader changes URLs in templates. This module changes those in the style sheet and the map
script, and the icons of asset types where FlexMeasures looks them up.
"""

from __future__ import annotations

import gzip
import mimetypes
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from flexmeasures.ui import flexmeasures_ui
from flexmeasures.ui.utils import view_utils
from werkzeug.exceptions import NotFound

from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import ConfigError
from flexmeasures_pms.ui import files
from flexmeasures_pms.ui.offline.table import FILES, HOSTS
from flexmeasures_pms.ui.routes import STATIC, pms_ui

VENDOR = files.FOLDER / "vendor"
_STYLES, _MAP = "css/flexmeasures.css", "js/map-init.js"
_NO_TILES = """
// Tiles are on another host: without their layer, clusters of markers need to be told this.
function addTileLayer(leafletMap) { leafletMap.setMaxZoom(18); }
"""


def hosts() -> tuple[str, ...]:
    """Return the hosts that pages load styles and fonts from; none when offline."""
    return () if settings().offline_assets else tuple(f"https://{host}" for host in HOSTS)


def prefix() -> str:
    """Return the replacement of ``https://`` in the URLs of files that are served here."""
    return f"{STATIC}/v-{files.version()}/from/"


def here(text: str) -> str:
    """Return a text with the URLs of the table's hosts changed to this server."""
    for host in HOSTS:
        text = text.replace(f"https://{host}/", f"{prefix()}{host}/")
    return text


def missing_files() -> str:
    """Return which files to be served are missing, and what to do; nothing if none is."""
    lacking = [path for path in FILES.values() if not (VENDOR / path).is_file()]
    if not lacking:
        return ""
    return (
        f"PMS_OFFLINE_ASSETS is on, but {len(lacking)} files such as {lacking[0]} are not in "
        f"{VENDOR}. Run `make assets` in a checkout, or install a wheel that was built where "
        "there is npm."
    )


def install(app: Flask) -> None:
    """Make an application's pages load everything from this server.

    :raises ConfigError: if files to be served are missing.
    """
    if problem := missing_files():
        raise ConfigError(problem)
    # Plugins' routes come before FlexMeasures' own.
    static = flexmeasures_ui.static_url_path
    app.add_url_rule(f"{static}/{_STYLES}", "pms_offline_styles", flexmeasures_styles)
    app.add_url_rule(f"{static}/{_MAP}", "pms_offline_map", flexmeasures_map)
    icons: dict[str, str] = view_utils.NORMALIZED_SVG_ICON_MAPPING
    icons.update({name: here(url) for name, url in icons.items()})
    view_utils.FALLBACK_SVG_ICON = here(view_utils.FALLBACK_SVG_ICON)


@pms_ui.get(f"{STATIC}/v-<wanted>/from/<path:url>")
def vendored(wanted: str, url: str) -> Response:
    """Send the file that replaces one of another host."""
    path = FILES.get(url)
    if path is None or not (VENDOR / path).is_file():
        raise NotFound("This file is not served here.")
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    packed = request.accept_encodings.quality("gzip") > 0 and not path.endswith(("woff2", "png"))
    response = Response(_bytes(path, packed=packed), mimetype=kind)
    response.vary.add("Accept-Encoding")
    if packed:
        response.content_encoding = "gzip"
    files.keep_for_good(response, wanted)
    return response


@cache
def _bytes(path: str, *, packed: bool) -> bytes:
    """Read and compress a file once: a megabyte of scripts takes a while."""
    body = (VENDOR / path).read_bytes()
    return gzip.compress(body, 6, mtime=0) if packed else body


def flexmeasures_styles() -> Any:
    """Send FlexMeasures' style sheet, with fonts and pictures of this server."""
    return _changed_file(_STYLES, here(_original(_STYLES)))


def flexmeasures_map() -> Any:
    """Send FlexMeasures' script for maps, without tiles."""
    return _changed_file(_MAP, _original(_MAP) + _NO_TILES)


def _original(name: str) -> str:
    return (Path(flexmeasures_ui.static_folder) / name).read_text()


def _changed_file(name: str, text: str) -> Any:
    response = Response(text, mimetype=mimetypes.guess_type(name)[0])
    response.add_etag()
    response.headers["Cache-Control"] = "no-cache"
    return response.make_conditional(request)
