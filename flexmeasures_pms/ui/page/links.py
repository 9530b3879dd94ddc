"""URLs of the pages. A link keeps the organisation that the user chose."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from flask import has_request_context, request

from flexmeasures_pms.catalogue.asset_types import DATASETS
from flexmeasures_pms.ui.page.access import PARAMETER as ORGANISATION

ROOT = "/pms"
# First parts of paths that are pages: a PMS with such an id has the longer URL.
RESERVED = frozenset(
    {
        *("api", "batches", "case", "compare", "completeness", "fleet", "glossary"),
        *("openapi.json", "parties", "products", "service-log", "site", "warranty", *DATASETS),
        *("quarantine", "receipts", "registry", "search", "static"),
    }
)


def page(*parts: str, **query: Any) -> str:
    """Return the URL of a page: ``page("registry", "case", ident, at=...)``.

    A query value of None is left out; several values are given as a list.
    """
    path = "/".join([ROOT, *(quote(part, safe="") for part in parts)])
    kept = {ORGANISATION: request.args.get(ORGANISATION) if has_request_context() else None}
    wanted = {n: value for n, value in {**kept, **query}.items() if value not in (None, "", [])}
    return f"{path}?{urlencode(wanted, doseq=True)}" if wanted else path


def rack(ident: str, *more: str, **query: Any) -> str:
    """Return the URL of a PMS's rack; ``more`` is ``"cells"`` for its heat map."""
    short = ident.lower() not in RESERVED and "/" not in ident
    return page(*(() if short else ("pms",)), ident, *more, **query)


def device(kind: str, ident: str, **query: Any) -> str:
    """Return the URL of a case or device."""
    return rack(ident, **query) if kind == "pms" else page(kind, ident, **query)


def same(**changes: Any) -> str:
    """Return the URL of the current page with other query values."""
    query = {**request.args.to_dict(flat=False), **changes}
    wanted = {name: value for name, value in query.items() if value not in (None, "", [""])}
    return f"{request.path}?{urlencode(wanted, doseq=True)}" if wanted else request.path
