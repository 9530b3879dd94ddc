"""The registry near the ids of a request.

A request names some ids. What they name, where that was ever installed (as is believed
now), and which cabinets the PMSes had that it was in: with that every question of a
request has its answer. :func:`near` has it from memory where it can. It asks the database
for the registry's version either way, in one statement with whose the assets are. Where the
version is another, what changed is forgotten; what is not remembered is read, in as many
statements as an assembly has levels, however many ids there are. Then the version is asked
for again: had it changed meanwhile, all is done anew. So another process's registration is
seen by the next request, and nothing half-way through a change ever is.

A transaction that has changed the registry itself reads everything anew and leaves nothing
behind: what it read may be undone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from flexmeasures_pms.config import settings
from flexmeasures_pms.registry.directory import Directory, Wanted, ident_key
from flexmeasures_pms.registry.kinds import BOARD, CABINET, CASE, PMS
from flexmeasures_pms.registry.loading import memory, reading
from flexmeasures_pms.registry.loading.held import Held, Missing, lookups, with_parts


def near(account_id: int, wanted: Wanted) -> Directory:
    """Return the registry of an organisation as of now, with what is wanted read."""
    while True:
        held = Held(account_id, memory.version_of(account_id))
        missing = walk(held, wanted)
        asked = held.assets()
        state = reading.state(account_id, asked)
        if state.own:
            held = Held(account_id, state.version, shared=False)
            missing = walk(held, wanted)
        elif state.version != held.version:
            _catch_up(account_id, held.version, state.version)
            held = Held(account_id, state.version)
            missing = walk(held, wanted)
        if missing or not held.assets() <= asked:
            _read(held, wanted, missing)
            state = reading.state(account_id, held.assets())
            if state.version != held.version:
                continue
            if held.shared:
                memory.keep(account_id, state.version, held.fresh, settings().registry_cache)
        return _directory(held, state)


def as_known_at(account_id: int, known_at: datetime) -> Directory:
    """Return what was registered and believed at an earlier moment."""
    held = Held(account_id, None, shared=False, known_at=known_at)
    return _directory(held, reading.State(0, own=False, owned=frozenset()))


def _catch_up(account_id: int, known: int | None, version: int) -> None:
    if known is not None and version < known:
        memory.forget(account_id)  # the database was put back to an earlier state
        known = None
    changed = [] if known is None else reading.changed_since(account_id, known)
    memory.catch_up(account_id, known, version, changed)


def _directory(held: Held, state: reading.State) -> Directory:
    # What is asked for from now on is read when it is asked for, and not remembered.
    held.shared = False
    entries, names, aliases, by_part, by_assembly = lookups(held)
    return Directory(
        held.account_id,
        state.version,
        entries,
        names,
        aliases,
        by_part,
        by_assembly,
        state.owned,
        lambda wanted: _read(held, wanted, walk(held, wanted)),
    )


def _read(held: Held, wanted: Wanted, missing: Missing) -> None:
    while missing:
        held.read(missing)
        missing = walk(held, wanted)


def walk(held: Held, wanted: Wanted) -> Missing:
    """Go to all that is wanted as far as it is held or remembered; return what is missing."""
    missing = Missing()
    with memory.undisturbed():
        roots = {*wanted.numbers, *_named(held, wanted, missing)}
        _go_up(held, roots, missing)
        if wanted.parts:
            _go_down(held, roots, missing)
    return missing


def _named(held: Held, wanted: Wanted, missing: Missing) -> Iterable[int]:
    for text in wanted.packs:
        yield from _pack(held, text, missing)
    for kind, text in wanted.things:
        number = held.number((kind, ident_key(kind, text)), missing)
        if number is not None:
            yield number


def _pack(held: Held, text: str, missing: Missing) -> Iterable[int]:
    """Yield the case or the board that a pack id names.

    No id may mean both (registration sees to it), so that what names a board is known to
    name no case: a registration elsewhere is no reason to ask again.
    """
    case, board = (CASE, ident_key(CASE, text)), (BOARD, ident_key(BOARD, text))
    if (known := held.recall_number(case)) is not None:
        yield known
    elif (known := held.recall_number(board)) is not None:
        held.names[case] = None
        yield known
    else:
        found = held.number(case, missing), held.number(board, missing)
        yield from (number for number in found if number is not None)


def _go_up(held: Held, roots: set[int], missing: Missing) -> None:
    """Go to all that something ever was in, and to the cabinets of the PMSes reached."""
    seen, ahead = set(roots), list(roots)
    while ahead:
        thing = held.thing(number := ahead.pop(), missing)
        if thing is None:
            continue
        above = {row.assembly_id for row in thing.rows} - seen
        seen |= above
        ahead += above
        if thing.entry.kind == PMS:
            with_parts(held, number, missing)


def _go_down(held: Held, roots: set[int], missing: Missing) -> None:
    """Go to all that ever was in assemblies, and in the cabinets of a PMS."""
    for root in roots:
        thing = held.thing(root, missing)
        if thing is not None and thing.entry.kind in (PMS, CABINET, CASE):
            for row in with_parts(held, root, missing):
                part = held.thing(row.part_id, missing)
                if part is not None and part.entry.kind == CABINET:
                    with_parts(held, row.part_id, missing)
