"""Names of assets: FlexMeasures wants them to differ below one asset, or in an organisation."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from sqlalchemy import and_, or_, select

from flexmeasures_pms.beliefs.described import Described
from flexmeasures_pms.identifiers import plain

_MOST = 80 - len(" ()")
"""FlexMeasures' names have 80 characters; ids from before the narrower rule nearly fill them."""


class FreeNames:
    """The names that assets may have: their ids, or with the kind where that is taken."""

    def __init__(self, account_id: int, things: Collection[Described]) -> None:
        self._account_id = account_id
        self._taken: dict[tuple[int | None, str], str | None] = {}
        self._look_up({t.parent_id for t in things}, {plain(t.entry.ident) for t in things})

    def _look_up(self, parents: Collection[int | None], names: Collection[str]) -> None:
        a = GenericAsset
        # Assets beside it may be another organisation's by now: names differ all the same.
        roots = and_(a.parent_asset_id.is_(None), a.account_id == self._account_id)
        beside = or_(a.parent_asset_id.in_([p for p in parents if p is not None]), roots)
        query = select(a.parent_asset_id, a.name, a.external_id, a.account_id)
        with db.session.no_autoflush:
            for parent, name, external_id, owner in db.session.execute(
                query.where(a.name.in_(names), beside)
            ):
                own = external_id if owner == self._account_id else None
                self._taken[parent, name] = own

    def take(self, thing: Described) -> str:
        """Return a name for the asset of a thing, which is taken then."""
        name = plain(thing.entry.ident)
        if not self._is_free(thing, name):
            others = list(_others(name, thing.entry.kind))
            self._look_up({thing.parent_id}, set(others))
            name = next((free for free in others if self._is_free(thing, free)), name)
        self._taken[thing.parent_id, name] = thing.external_id
        return name

    def _is_free(self, thing: Described, name: str) -> bool:
        key = (thing.parent_id, name)
        return key not in self._taken or self._taken[key] == thing.external_id


def _others(name: str, kind: str) -> Iterator[str]:
    for words in (kind, *(f"{kind} {n}" for n in range(2, 10))):
        yield f"{name[: _MOST - len(words)]} ({words})"
