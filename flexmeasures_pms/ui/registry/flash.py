"""What was done, kept from a form that was sent until the next page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import session

from flexmeasures_pms.ui.language.words import n_

_KEY, _IDLE = "pms_said", "pms_said_idle"
MOST = 1500
"""Characters: what is kept travels in a cookie, and browsers take 4 kB of those."""


@dataclass(frozen=True, slots=True)
class FlashMessage:
    """What a page tells of the form before it.

    :param changed: whether anything had to be done.
    """

    lines: tuple[str, ...] = ()
    changed: bool = True


def keep(lines: Sequence[str], *, changed: bool = True) -> None:
    """Keep what was done; of very much only the beginning."""
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
