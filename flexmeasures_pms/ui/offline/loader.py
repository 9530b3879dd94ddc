"""FlexMeasures' templates, changed on their way to Jinja rather than copied.

Only the template is changed, never what is rendered into it: an injected script gets no
nonce.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from jinja2 import BaseLoader, Environment

_TAG = re.compile(r"<(script|style)(?=[\s>])")
_NONCE = r'<\1{% if csp_nonce %} nonce="{{ csp_nonce }}"{% endif %}'
_HEAD = "</head>"

FIXES: tuple[tuple[str, str, str], ...] = (
    ("base.html", '<html lang="en">', """<html lang="{{ language|default('en') }}">"""),
    # Links with only a picture get a name, and the menu on phones opens by keyboard too.
    (
        "includes/navbar.html",
        r'(endif %\} class="nav-link")>',
        r"""\1{% if not caption %} aria-label="{{ tooltip or id }}"{% endif %}>""",
    ),
    (
        "includes/navbar.html",
        r'(?s)<div(\s+class="navbar-toggler.*?)</div>',
        r"<button\1</button>",
    ),
    # What an asset or sensor of ours is about, and the way to its page.
    (
        "base.html",
        r"({% block breadcrumbs %})",
        r"\1{{ pms_asset_panel(asset|default(sensor.generic_asset if sensor is defined)) }}",
    ),
    # With many assets these pages had tens of megabytes: see ui/large.py.
    ("dashboard.html", r"\.assets if asset\.location", ".assets|pms_markers if asset.location"),
    (
        "dashboard.html",
        r"asset\.generic_asset_type\.name \| parameterize \| pluralize",
        "asset.generic_asset_type.name | parameterize | pms_pluralize",
    ),
    ("dashboard.html", r"(?m)^[ \t]+", ""),
    (
        "assets/asset_properties.html",
        "in account_assets %",
        "in account_assets|pms_parents(asset) %",
    ),
)
"""Changes in FlexMeasures' templates: the template, a pattern, its replacement."""


class ChangedTemplates(BaseLoader):
    """Templates of another loader, with their sources changed."""

    def __init__(
        self, inner: BaseLoader, *, address: Callable[[str], str], style: Callable[[], str]
    ) -> None:
        """Load from another loader.

        :param address: changes the URLs in a source.
        :param style: the URL of a style sheet for every page of FlexMeasures.
        """
        self.inner, self.address, self.style = inner, address, style

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Return a template's source, for Jinja."""
        source, path, is_current = self.inner.get_source(environment, template)
        if template.endswith(".html"):
            source = self.address(changed(source, template))
        if template == "base.html":
            source = source.replace(_HEAD, f'<link href="{self.style()}" rel="stylesheet">{_HEAD}')
        return source, path, is_current

    def list_templates(self) -> list[str]:
        """Return the names of all templates."""
        return self.inner.list_templates()


def changed(source: str, template: str = "") -> str:
    """Return a fixed template whose scripts and styles have the nonce, if there is one."""
    for name, pattern, instead in FIXES:
        if name == template:
            source = re.sub(pattern, instead, source)
    return _TAG.sub(_NONCE, source)
