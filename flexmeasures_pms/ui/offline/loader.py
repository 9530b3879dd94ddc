"""FlexMeasures' templates, changed on their way to Jinja rather than copied.

Only what stands in a template is changed, never what is rendered into it: a script that
telemetry smuggled into a page would get no nonce.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from jinja2 import BaseLoader, Environment

_TAG = re.compile(r"<(script|style)(?=[\s>])")
_NONCE = r'<\1{% if csp_nonce %} nonce="{{ csp_nonce }}"{% endif %}'
_HEAD = "</head>"

MENDS: tuple[tuple[str, str, str], ...] = (
    ("base.html", '<html lang="en">', """<html lang="{{ language|default('en') }}">"""),
    # Links that are only a picture get a name, and the phone's menu opens by keyboard too.
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
)
"""What is changed in which of FlexMeasures' templates: its name, a pattern, what comes instead."""


class ChangedTemplates(BaseLoader):
    """Templates of another loader, with their sources changed."""

    def __init__(
        self, inner: BaseLoader, *, address: Callable[[str], str], style: Callable[[], str]
    ) -> None:
        """Load from another loader.

        :param address: changes the addresses in a source.
        :param style: the address of a style sheet for every page of FlexMeasures.
        """
        self.inner, self.address, self.style = inner, address, style

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Return a template's source, as Jinja asks for it."""
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
    """Return a template, mended, whose scripts and styles carry a nonce where there is one."""
    for name, pattern, instead in MENDS:
        if name == template:
            source = re.sub(pattern, instead, source)
    return _TAG.sub(_NONCE, source)
