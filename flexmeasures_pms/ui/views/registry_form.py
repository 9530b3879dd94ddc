"""The page for all forms of the registry."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from flask import Response

from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.registry.answer import Answer
from flexmeasures_pms.ui.registry.forms import NOTE, OWN_DOCK, REQUEST, Filled, FormField
from flexmeasures_pms.ui.registry.subject import Addresses, Subject, trail
from flexmeasures_pms.ui.registry.terms import title


def form_page(
    to: Addresses,
    subject: Subject | None,
    fields: Sequence[FormField],
    filled: Filled,
    came: Answer,
    *,
    heading: str,
    **shown: object,
) -> Response:
    """Show a form: empty, with a refusal, or with a preview.

    :param shown: ``button``, ``note_label``, ``note_needed``, ``target`` and ``back``.
    """
    heading = title(heading)
    names = [field.name for field in fields] + [NOTE]
    refusal = came.refusal
    bad = ""
    if refusal is not None:
        bad = refusal.field if refusal.field in names else _instead_of(refusal.field, names)
    groups = dict.fromkeys(field.group for field in fields if field.group)
    return page(
        "pms/registry_form.html",
        status=422 if refusal else 200,
        active="registry",
        to=to,
        trail=trail(to, subject, heading),
        heading=heading,
        plain=[field for field in fields if not field.group],
        groups=[(name, [f for f in fields if f.group == name]) for name in groups],
        filled=filled,
        answer=came,
        bad=bad,
        has_time=any(field.kind == "time" for field in fields),
        given=[name for name, value in filled.sent.items() if value],
        request_id=filled.sent.get(REQUEST) or str(uuid4()),
        decides=any(field.decides for field in fields),
        **{"hidden": {}, "instead": None, **shown},
    )


def _instead_of(field: str, names: Sequence[str]) -> str:
    """Return the field that a form has in the place of one that it has no more."""
    return OWN_DOCK if field in ("place", "dock") and OWN_DOCK in names else names[0]
