"""How ids, times, docks, statuses and open cells are read.

Every reader takes the draft, the path as spelled in the message and the value as sent,
and returns the reading, or None if there is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flexmeasures_pms import identifiers
from flexmeasures_pms.catalogue.quantities import HIGHEST_DOCK, UNALLOCATED_DOCK
from flexmeasures_pms.wire import spellings, times
from flexmeasures_pms.wire.draft import Draft, shown
from flexmeasures_pms.wire.measures import FieldReader, members, single
from flexmeasures_pms.wire.numerals import BARE, integer

MISSING_TIME = f"The sample has no time. Send time_local like {times.EXAMPLE}."

NOT_UTF_8 = "\ufffd"
"""What stands for bytes that are not UTF-8 text."""

_DOCK_WORD = re.compile(r"^ *dock *", re.IGNORECASE)
_HEX = re.compile(r"(?:0[xX])?[0-9A-Fa-f]{1,4}")


def ordinals(path: str, size: int) -> FieldReader:
    """Return the reader of a list of positions, counted from 1, in any order."""

    def read(draft: Draft, where: str, value: Any) -> tuple[int, ...] | None:
        if type(value) is dict and path in spellings.MEMBERS:
            return flags(path, draft, where, members(draft, path, value))
        if type(value) is tuple:
            return flags(path, draft, where, value)
        if type(value) is not list:
            draft.refuse(path, where, value, f"Send {path} as a list of positions, 1 to {size}.")
            return None
        if len(value) > size:
            message = f"{path} has {len(value)} values, expected at most {size}."
            draft.refuse(path, where, value, message)
            return None
        found = [_position(item, size) for item in value]
        if 0 not in found:
            return tuple(sorted(set(found)))
        # One that can't be read may be any of them: none is known to be closed.
        index = found.index(0)
        message = f"{shown(value[index])!r} is not a position, 1 to {size}."
        draft.refuse(path, where, value[index], message, index=index)
        return None

    return read


def _position(item: Any, size: int) -> int:
    """Return a position from 1 to ``size``; 0 for anything else."""
    try:
        position = integer(item)
    except ValueError:
        return 0
    return position if 1 <= position <= size else 0


def flags(path: str, draft: Draft, where: str, value: Sequence[Any]) -> tuple[int, ...] | None:
    """Return the positions whose flag is set: 1 means open, 0 or empty closed.

    None if one can't be read.
    """
    found = []
    for index, item in enumerate(value):
        try:
            if item is not None and integer(item):
                found.append(index + 1)
        except ValueError:
            message = f"{shown(item)!r} is not a flag. Write 1 for open and 0 for closed."
            draft.refuse(path, where, item, message, index=index)
            return None
    return tuple(found)


def dock(draft: Draft, where: str, value: Any) -> int | None:
    """Return a dock across the PMS, 1 to 48; 99 is a pack without one.

    ``1``, ``"01"`` and ``"Dock 1"`` are the same dock.
    """
    value = single(value)
    if value is None:
        return None
    try:
        text = _DOCK_WORD.sub("", value) if isinstance(value, str) else value
        found = integer(text)
    except ValueError:
        draft.refuse("pack.dock", where, value, f"{shown(value)!r} is not a dock number.")
        return None
    if 1 <= found <= HIGHEST_DOCK:
        return found
    if found != UNALLOCATED_DOCK:
        message = f"There is no dock {shown(value)} (1 to {HIGHEST_DOCK}). It is left out."
        draft.leave_out(where, value, message)
    return None


def status_code(path: str) -> FieldReader:
    """Return the reader of a status code: up to four hex digits, either case.

    Invisible characters are dropped: the documents' own example holds a U+202C.
    """

    def read(draft: Draft, where: str, value: Any) -> int | None:
        text = str(value) if type(value) is int else value
        if isinstance(text, str) and _HEX.fullmatch(text := identifiers.clean(text)):
            return int(text, 16)
        draft.refuse(path, where, value, f"{shown(value)!r} is not a status of 4 hex digits.")
        return None

    return read


def identity(path: str) -> FieldReader:
    """Return the reader of an id. A whole number is taken as the text of its digits.

    An empty id counts as missing: :mod:`~flexmeasures_pms.wire.finish` checks which ids a
    sample needs.
    """

    def read(draft: Draft, where: str, value: Any) -> str | None:
        text = str(value) if type(value) is int else value
        if not isinstance(text, str) or text.startswith(BARE):
            draft.refuse(path, where, value, f"{shown(value)!r} is not an id. Send text.")
            return None
        text = identifiers.clean(text)
        fault = _fault(text) if text else None
        if fault is not None:
            draft.refuse(path, where, value, f"The id {fault}.")
            return None
        return text or None

    return read


def _fault(ident: str) -> str | None:
    if NOT_UTF_8 in ident:
        return "has bytes that are not UTF-8 text"
    return identifiers.fault(ident)


def time(draft: Draft, where: str, value: Any) -> datetime | None:
    """Return the time of a sample in UTC.

    Numbers are refused: unit and epoch would be ambiguous.
    """
    if value == "":
        draft.refuse(spellings.TIME, where, value, MISSING_TIME, code="missing_time")
        return None
    try:
        if not isinstance(value, str):
            raise ValueError(f"is not text like {times.EXAMPLE}")
        moment = times.parse(value.strip())
    except ValueError as fault:
        message = f"The time {shown(value)!r} {fault}."
        draft.refuse(spellings.TIME, where, value, message, code="invalid_time")
        return None
    if not moment.has_seconds:
        draft.warn(where, "minute_precision", "The time has no seconds.", value)
    return moment.utc
