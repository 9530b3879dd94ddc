"""The registry near the ids of a request.

A request names some ids. What they name, where that was ever installed (as is believed
now), and which cabinets the PMSes had that it was in: with that every question of a
request has its answer. :func:`load_directory` takes it from memory where it can. It asks the
database for the registry's version either way, in one statement with whose the assets are.
Where the version is another, what changed is forgotten; what is not remembered is read, in as
many statements as an assembly has levels, however many ids there are. Then the version is
asked for again: had it changed meanwhile, all is done anew. So another process's registration
is seen by the next request, and nothing half-way through a change ever is.

A transaction that has changed the registry itself reads everything anew and leaves nothing
behind: what it read may be undone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from flexmeasures_pms.config import settings
from flexmeasures_pms.registry.directory import Directory, RegistryQuery, ident_key
from flexmeasures_pms.registry.kinds import BOARD, CABINET, CASE, PMS, SITE
from flexmeasures_pms.registry.loading import cache, rows
from flexmeasures_pms.registry.loading.request_view import Missing, RequestView, lookups, with_parts
from flexmeasures_pms.registry.loading.unchanged import unchanged


def load_directory(
    account_id: int,
    *,
    packs: Iterable[str] = (),
    things: Iterable[tuple[str, str]] = (),
    numbers: Iterable[int] = (),
    parts: bool = False,
) -> Directory:
    """Return the registry of an organisation, as of now.

    What is named (see :class:`RegistryQuery`) and where it is and was has been read when this
    returns, all of it of one version: in one small query where it was remembered. What is
    not named can be asked for as well. Then it is read when it is asked for, as it is then.
    """
    wanted = RegistryQuery(frozenset(packs), frozenset(things), frozenset(numbers), parts)
    while True:
        view = RequestView(account_id, cache.version_of(account_id))
        missing = walk(view, wanted)
        asked = view.assets()
        state = rows.state(account_id, asked)
        if state.own:
            view = RequestView(account_id, state.version, shared=False)
            missing = walk(view, wanted)
        elif state.version != view.version:
            _catch_up(account_id, view.version, state.version)
            view = RequestView(account_id, state.version)
            missing = walk(view, wanted)
        if missing or not view.assets() <= asked:
            _read(view, wanted, missing)
            state = rows.state(account_id, view.assets())
            if state.version != view.version:
                continue
            if view.shared:
                cache.keep(account_id, state.version, view.fresh, settings().registry_cache)
        return _directory(view, state)


def as_known_at(account_id: int, known_at: datetime) -> Directory:
    """Return what was registered and believed at an earlier moment."""
    view = RequestView(account_id, None, shared=False, known_at=known_at)
    return _directory(view, rows.RegistryState(0, own=False, owned=frozenset()))


def _catch_up(account_id: int, known: int | None, version: int) -> None:
    if known is not None and version < known:
        cache.forget(account_id)  # the database was put back to an earlier state
        known = None
    changed = [] if known is None else rows.changed_since(account_id, known)
    cache.catch_up(account_id, known, version, changed)


def _directory(view: RequestView, state: rows.RegistryState) -> Directory:
    # What is asked for from now on is read when it is asked for, and not remembered.
    view.shared = False
    entries, names, aliases, by_part, by_assembly = lookups(view)
    return Directory(
        view.account_id,
        state.version,
        entries,
        names,
        aliases,
        by_part,
        by_assembly,
        state.owned,
        lambda wanted: _read(view, wanted, walk(view, wanted)),
        lambda lock: unchanged(view, state.owned, lock),
    )


def _read(view: RequestView, wanted: RegistryQuery, missing: Missing) -> None:
    while missing:
        view.read(missing)
        missing = walk(view, wanted)


def walk(view: RequestView, wanted: RegistryQuery) -> Missing:
    """Go to all that is wanted as far as it is held or remembered; return what is missing."""
    missing = Missing()
    with cache.undisturbed():
        roots = {*wanted.numbers, *_named(view, wanted, missing)}
        _go_up(view, roots, missing)
        if wanted.parts:
            _go_down(view, roots, missing)
    return missing


def _named(view: RequestView, wanted: RegistryQuery, missing: Missing) -> Iterable[int]:
    for text in wanted.packs:
        yield from _pack(view, text, missing)
    for kind, text in wanted.things:
        number = view.number((kind, ident_key(kind, text)), missing)
        if number is not None:
            yield number


def _pack(view: RequestView, text: str, missing: Missing) -> Iterable[int]:
    """Yield the case or the board that a pack id names.

    No id may mean both (registration sees to it), so that what names a board is known to
    name no case: a registration elsewhere is no reason to ask again.
    """
    case, board = (CASE, ident_key(CASE, text)), (BOARD, ident_key(BOARD, text))
    if (known := view.recall_number(case)) is not None:
        yield known
    elif (known := view.recall_number(board)) is not None:
        view.names[case] = None
        yield known
    else:
        found = view.number(case, missing), view.number(board, missing)
        yield from (number for number in found if number is not None)


def _go_up(view: RequestView, roots: set[int], missing: Missing) -> None:
    """Go to all that something ever was in, and to the cabinets of the PMSes reached."""
    seen, ahead = set(roots), list(roots)
    while ahead:
        thing = view.thing(number := ahead.pop(), missing)
        if thing is None:
            continue
        above = {row.assembly_id for row in thing.rows} - seen
        seen |= above
        ahead += above
        if thing.entry.kind == PMS:
            with_parts(view, number, missing)


def _go_down(view: RequestView, roots: set[int], missing: Missing) -> None:
    """Go to all that ever was in assemblies, and in the cabinets of a PMS."""
    for root in roots:
        thing = view.thing(root, missing)
        if thing is not None and thing.entry.kind in (SITE, PMS, CABINET, CASE):
            for row in with_parts(view, root, missing):
                part = view.thing(row.part_id, missing)
                if part is not None and part.entry.kind == CABINET:
                    with_parts(view, row.part_id, missing)
