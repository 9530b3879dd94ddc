"""What a mistyped id may have meant: registered ids that are one slip away from it.

The slips are spelled out and looked up in an index, so that it takes the same few milliseconds
however much is registered.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from string import ascii_uppercase, digits
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.dialects.postgresql import ARRAY

from flexmeasures_pms import identifiers
from flexmeasures_pms.registry.messages.message import TrackableText
from flexmeasures_pms.registry.tables import alias, trackable

LONGEST = 40
"""Characters of an id of which slips are tried."""

MOST = 3
_EDITED = 3
_CHARACTERS = f"{digits}{ascii_uppercase}-_."
_SEPARATORS = re.compile(r"[-_./ ]+")
_ZEROS = 4
_LOOK_ALIKE = (("O", "0"), ("0", "O"), ("I", "1"), ("1", "I"), ("L", "1"))


def near_things(
    text: str, kinds: Collection[str] | None, account_id: int | None
) -> tuple[TrackableText, ...]:
    """Return what is registered under ids that a text may be a slip of, at most a few.

    :param kinds: among these kinds only.
    :param account_id: of this organisation only.
    """
    keys = slips(identifiers.key(text)) | slips(identifiers.board_key(text))
    if not keys:
        return ()
    t, a = trackable.c, alias.c
    aliased = sa.select(a.trackable_id).where(a.alias_key == _any(keys))
    query = sa.select(t.kind, t.ident).where((t.ident_key == _any(keys)) | t.id.in_(aliased))
    if kinds is not None:
        query = query.where(t.kind.in_(kinds))
    if account_id is not None:
        query = query.where(t.account_id == account_id)
    rows = db.session.execute(query.distinct().order_by(t.ident, t.kind).limit(MOST))
    return tuple(TrackableText(*row) for row in rows)


def slips(key: str) -> set[str]:
    """Return the compared ids that are one slip away from another, as far as that is usual."""
    if not 1 < len(key) <= LONGEST:
        return set()
    # Of a very short id, another character makes another id.
    edits = _one_edit(key) if len(key) >= _EDITED else ()
    return {*edits, *_other_formats(key)} - {key, ""}


def _one_edit(key: str) -> Iterator[str]:
    for i in range(len(key) + 1):
        before, after = key[:i], key[i:]
        yield before + after[1:]
        yield before + after[1::-1] + after[2:]
        for character in _CHARACTERS:
            yield before + character + after
            yield before + character + after[1:]


def _other_formats(key: str) -> Iterator[str]:
    bare = identifiers.without_zeros(key)
    yield from ("0" * n + bare for n in range(_ZEROS))
    yield from (_SEPARATORS.sub(mark, key) for mark in ("-", "_", ".", ""))
    yield from (key.replace(one, other) for one, other in _LOOK_ALIKE)


def _any(keys: Collection[str]) -> Any:
    return sa.any_(sa.bindparam(None, sorted(keys), type_=ARRAY(sa.Text)))
