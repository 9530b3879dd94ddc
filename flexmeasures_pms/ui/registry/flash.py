"""What a form did, kept until the next page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import session

from flexmeasures_pms.ui.language.words import n_

_KEY, _IDLE = "pms_said", "pms_said_idle"
MOST = 1500
"""Maximum characters: it is kept in a cookie, which may have 4 kB."""


@dataclass(frozen=True, slots=True)
class FlashMessage:
    """The result of the previous form.

    :param changed: whether anything was changed.
    """

    lines: tuple[str, ...] = ()
    changed: bool = True


def keep(lines: Sequence[str], *, changed: bool = True) -> None:
    """Keep what was done, shortened if it is long."""
    kept: list[str] = []
    for line in lines:
        if sum(map(len, kept)) + len(line) > MOST:
            more = len(lines) - len(kept)
            kept.append(n_("… and {n} more line.", "… and {n} more lines.", more))
            break
        kept.append(line)
    session[_KEY], session[_IDLE] = kept, not changed


def take() -> FlashMessage:
    """Return what was done, once."""
    lines = session.pop(_KEY, ())
    idle = bool(session.pop(_IDLE, False))
    return FlashMessage(tuple(line for line in lines if isinstance(line, str)), not idle)
