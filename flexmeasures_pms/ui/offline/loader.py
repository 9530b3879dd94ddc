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
_LANGUAGE = '<html lang="en">', """<html lang="{{ language|default('en') }}">"""


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
            source = self.address(changed(source))
        if template == "base.html":
            source = source.replace(_HEAD, f'<link href="{self.style()}" rel="stylesheet">{_HEAD}')
        return source, path, is_current

    def list_templates(self) -> list[str]:
        """Return the names of all templates."""
        return self.inner.list_templates()


def changed(source: str) -> str:
    """Return a template whose scripts and styles carry the nonce of a page that has one."""
    return _TAG.sub(_NONCE, source).replace(*_LANGUAGE)
