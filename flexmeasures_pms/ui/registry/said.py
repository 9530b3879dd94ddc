"""What was done, kept from a form that was sent until the next page shows it."""

from __future__ import annotations

from collections.abc import Sequence

from flask import session

from flexmeasures_pms.ui.words import n_

_KEY = "pms_said"
MOST = 1500
"""Characters: what is kept travels in a cookie, and browsers take 4 kB of those."""


def keep(lines: Sequence[str]) -> None:
    """Keep what was done; of very much only the beginning."""
    kept: list[str] = []
    for line in lines:
        if sum(map(len, kept)) + len(line) > MOST:
            more = len(lines) - len(kept)
            kept.append(n_("… and {n} more line.", "… and {n} more lines.", more))
            break
        kept.append(line)
    session[_KEY] = kept


def take() -> tuple[str, ...]:
    """Return what was done, once."""
    lines = session.pop(_KEY, ())
    return tuple(line for line in lines if isinstance(line, str))
