"""What a business event carries, in the words of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.registry.event_fields import CAUSE_NAMES


def carried(item: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the business event of a transaction carries, a text for each."""
    return tuple(_carried(item))


def _carried(item: Mapping[str, Any]) -> Iterator[str]:
    cause = _(CAUSE_NAMES.get(item["cause"], "")) if item["cause"] else ""
    if cause and item["code"]:
        yield _("Cause: {cause}, code {code}", cause=cause, code=item["code"])
    elif cause:
        yield _("Cause: {cause}", cause=cause)
    if item["person"]:
        yield _("Done by {name}", name=item["person"])
    if item["document"]:
        yield _("Document {number}", number=item["document"])
    details = item["details"] or {}
    for finding in details.get("findings", ()):
        yield _("Found: {finding}", finding=finding)
    for name, value in details.get("measured", {}).items():
        yield _("Measured: {name} {value}", name=name, value=value)
