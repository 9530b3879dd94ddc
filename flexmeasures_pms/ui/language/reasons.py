"""Texts for quarantine reasons and for senders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from flexmeasures.data import db
from flexmeasures.data.models.user import User

from flexmeasures_pms.ingest.quarantine_reasons import REASONS, Release, reason_of
from flexmeasures_pms.ingest.refusal import QUARANTINE_FULL
from flexmeasures_pms.ui.language.words import _, mark


@dataclass(frozen=True, slots=True)
class ShownReason:
    """One reason: its title, what ends the wait, and what to do about it."""

    title: str
    release: str
    advice: str


_RELEASES: Mapping[Release, str] = {
    "registration": mark("Released by a registration"),
    "time": mark("Released by time, and another try"),
    "person": mark("Waits for a person"),
}


def reason(code: str) -> ShownReason:
    """Return a reason in the language of the request; an unknown one by its code."""
    found = reason_of(code)
    title = found.title if code in REASONS else _REFUSALS.get(code, found.title)
    return ShownReason(_(title), _(_RELEASES[found.release]), _(found.advice))


_REFUSALS: Mapping[str, str] = {QUARANTINE_FULL: mark("Refused: the quarantine is full")}
"""Titles of problems that are shown with receipts only."""


def senders(texts: Iterable[str], account_id: int) -> dict[str, str]:
    """Return the display names of senders such as ``gateway:North mast``, ``user:7``, ``replay``.

    Users of the organisation are shown by their name, others by their number.
    """
    wanted = set(texts)
    users = {text: int(text[5:]) for text in wanted if text[:5] == "user:" and text[5:].isdigit()}
    rows = db.session.execute(
        sa.select(User.id, User.username).where(
            User.id.in_(users.values()), User.account_id == account_id
        )
    )
    names = {row.id: row.username for row in rows}
    return {text: _sender(text, names.get(users.get(text, 0))) for text in wanted}


def _sender(text: str, user: str | None) -> str:
    kind, _sep, name = text.partition(":")
    if kind == "gateway":
        return _("Gateway {name}", name=name)
    if kind == "user":
        return _("User {name}", name=user or name)
    if kind == "cli":
        return _("Command line ({name})", name=name)
    return _("Replay from quarantine") if text == "replay" else text
