"""The fields of forms for what a business event carries."""

from __future__ import annotations

from collections.abc import Mapping

from flexmeasures_pms.ui.language.words import _, mark
from flexmeasures_pms.ui.registry.forms import FormField

CAUSE_NAMES: Mapping[str, str] = {
    "planned": mark("planned"),
    "fault": mark("fault"),
    "recall": mark("recall"),
    "upgrade": mark("upgrade"),
}
"""The causes as people read them."""


def cause_fields() -> tuple[FormField, ...]:
    """Return the fields for why it is done; the code is of a fault."""
    causes = (("", _("not known")), *((name, _(words)) for name, words in CAUSE_NAMES.items()))
    return (
        FormField("cause", _("Cause"), "buttons", options=causes),
        FormField("code", _("Code of the fault"), hint=_("As the device or the vendor calls it.")),
    )


def work_fields() -> tuple[FormField, ...]:
    """Return the fields for who does it, and the document about it; they are collapsed."""
    group = _("Who does it, and the document about it")
    return (person_field(group), document_field(group))


def person_field(group: str = "") -> FormField:
    """Return the field for who does it."""
    hint = _("Where that is not you.")
    return FormField("person", _("Who does it"), "words", hint, group=group)


def document_field(group: str = "") -> FormField:
    """Return the field for the document about it."""
    hint = _("Its own number, such as that of a work order.")
    return FormField("document", _("Document"), "words", hint, group=group)


def findings_fields() -> tuple[FormField, ...]:
    """Return the fields of a service: what was found and measured, and by whom."""
    group = _("Measurements, and the document about it")
    hint = _("One a line, as in: cell 3 mΩ = 4.2")
    return (
        FormField("findings", _("What was found"), "lines", _("One finding a line.")),
        person_field(),
        FormField("measured", _("What was measured"), "lines", hint, group=group),
        document_field(group),
    )
