"""The result of a form: done, refused, or to be confirmed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from flexmeasures_pms.config import settings
from flexmeasures_pms.deadline import at_most
from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.ingest.follow_up import commit_with_effects, complete
from flexmeasures_pms.registry.editing.change import Change
from flexmeasures_pms.registry.editing.doubtful import doubts_about_new
from flexmeasures_pms.registry.editing.resubmission import made_already
from flexmeasures_pms.registry.editing.would_be import would_be
from flexmeasures_pms.storage.session import abandon, after_commit
from flexmeasures_pms.ui.language.words import _, mark
from flexmeasures_pms.ui.page.access import Organisation
from flexmeasures_pms.ui.registry.events import sentence
from flexmeasures_pms.ui.registry.forms import Filled, Unusable, field_of
from flexmeasures_pms.ui.registry.message import rendered, wrong

COMPLETING = 5.0
"""Seconds in which what follows from a form that was sent again is begun."""

CURES: Mapping[str, str] = {
    "taken": mark("Swap it instead, or remove first what is there."),
    "not_installed": mark("Its page shows where it was."),
    "never_installed": mark("Install it instead."),
    "other_details": mark("Open it and choose Correct."),
    "docks": mark("Open the cabinet and choose Correct if it really has more."),
    "two_docks": mark("Open the cabinet: each of its docks is there with both numbers."),
    "retired": mark("Open it and choose Revive."),
    "elsewhere": mark("Open it and choose Move, or say since when it is here."),
    "unknown": mark("Check the spelling, or register it."),
    "ambiguous": mark("Choose what it is."),
}
"""What to do about an error of the registry, on a page."""


@dataclass(frozen=True, slots=True)
class RefusedChange:
    """A refusal: its field, its reason, and what to do."""

    field: str
    message: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a form.

    :param lines: what was done; with ``doubts`` what would be done.
    :param doubts: reasons to ask for confirmation; nothing was done then.
    :param changed: whether anything was changed.
    :param refusal: why nothing was done.
    """

    lines: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    refusal: RefusedChange | None = None
    changed: bool = True

    @property
    def done(self) -> bool:
        """Whether the form is done."""
        return self.refusal is None and not self.doubts


def repeated(organisation: Organisation, filled: Filled) -> Answer | None:
    """Return what was done if this form was already sent, else None.

    It also locks the organisation's registry until the transaction ends. What follows from a
    form that was cut off after its commit is completed.
    """
    longest = at_most(settings().lock_timeout)
    entered = made_already(organisation.id, filled.request_id, lock_timeout=longest)
    if not entered:
        return None
    abandon()
    with after_commit("What follows from a form that was sent again was put off."):
        complete(organisation.id, {item["trackable_id"] for item in entered}, seconds=COMPLETING)
    done = dict.fromkeys(sentence(item, filled.zone) for item in entered)
    return Answer((_("This was already entered:"), *done))


def answer(
    organisation: Organisation,
    filled: Filled,
    make: Callable[[], Change],
    *,
    doubts: Callable[[], tuple[str, ...]] = tuple,
    main: str,
) -> Answer:
    """Apply a form completely or not at all; :func:`repeated` ensures that it is applied once.

    :param make: makes the change in this transaction.
    :param doubts: reasons to ask for confirmation; not asked again after it.
    :param main: the field for a refusal that fits no other.
    """
    try:
        doubtful = () if filled.sure else doubts()
        change = make()
        if not filled.sure:
            leaving = rendered(change.leaving, filled.zone)
            doubtful = (*doubtful, *leaving, *_about_new_ids(change, filled.zone))
        if doubtful and change.touched:
            abandon()
            return Answer(rendered(map(would_be, change.lines), filled.zone), doubtful)
        done = commit_with_effects(change, filled.order(organisation.id, at=None).author)
        return Answer(rendered(done, filled.zone), changed=bool(change.touched))
    except (Unusable, RegistryError) as error:
        abandon()
        return Answer(refusal=_refusal(error, filled, main))
    except IntegrityError:
        abandon()
        message = _("Someone else changed this at the same time. Check it, then try again.")
        return Answer(refusal=RefusedChange(main, message))


def _about_new_ids(change: Change, zone: str) -> tuple[str, ...]:
    doubts = doubts_about_new(change)
    asked = (_("Is it really another one?") if one.kind == "similar" else _("Is it really its id?")
             for one in doubts)  # fmt: skip
    said = rendered((one.said for one in doubts), zone)
    return tuple(f"{why} {ask}" for why, ask in zip(said, asked, strict=True))


def _refusal(error: Unusable | RegistryError, filled: Filled, main: str) -> RefusedChange:
    field = field_of(error, filled.sent, main)
    if isinstance(error, Unusable):
        return RefusedChange(field, str(error))
    cure = CURES.get(error.cure)
    return RefusedChange(field, wrong(error, filled.zone), _(cure) if cure else "")
