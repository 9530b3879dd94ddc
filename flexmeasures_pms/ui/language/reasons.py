"""Texts for quarantine reasons and for senders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from flexmeasures.data import db
from flexmeasures.data.models.user import User

from flexmeasures_pms.ui.language.words import _, mark


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: its title, and what to do about it."""

    title: str
    advice: str


_FIX = mark("Fix the sending software. A sample that can never be stored may be discarded.")

REASONS: Mapping[str, Reason] = {
    "unknown_pack": Reason(
        mark("Unknown pack"),
        mark("Register the pack: then its samples are stored automatically."),
    ),
    "unknown_device": Reason(
        mark("Unknown device"),
        mark("Register the device: then its samples are stored."),
    ),
    "conflict": Reason(
        mark("Contradicts an earlier reading"),
        mark("The first reading is kept. Discard the other one if the first is right."),
    ),
    "time_out_of_range": Reason(
        mark("Impossible time"),
        mark("The sender's clock was wrong. Set it, and discard the samples."),
    ),
    "invalid_time": Reason(mark("Unreadable time"), _FIX),
    "missing_time": Reason(mark("No time"), _FIX),
    "missing_device_id": Reason(mark("No device named"), _FIX),
    "missing_pack_id": Reason(mark("No pack named"), _FIX),
    "invalid_value": Reason(mark("Unusable value"), _FIX),
    "contradicting_values": Reason(mark("Two values for one field"), _FIX),
}


def reason(code: str) -> Reason:
    """Return a reason in the language of the request; an unknown one by its code."""
    found = REASONS.get(code, Reason(code.replace("_", " ").capitalize(), _FIX))
    return Reason(_(found.title), _(found.advice))


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
