"""Things of which a change is registered, and not yet what follows from it.

Written with the change, and removed when its effects are there: a crash in between leaves
nothing undone for ever.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.dialects.postgresql import ARRAY, insert

from flexmeasures_pms.registry.kinds import ASSET_KINDS, BOARD
from flexmeasures_pms.registry.tables import pending, trackable

FOLLOWED: tuple[str, ...] = (*ASSET_KINDS, BOARD)
"""The kinds whose changes have effects, in the order in which they are worked off."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A thing whose change has effects that are still to come.

    :param version: of the registry, that of the change.
    :param asset: whether its asset and sensors are to be made or updated.
    :param replay: whether waiting samples of it are to be replayed.
    """

    id: int
    kind: str
    version: int
    asset: bool
    replay: bool


Versions = Mapping[int, int]
"""Things by their number, with the version of the change."""


def note(
    account_id: int, things: Mapping[int, str], version: int, known: datetime, *, replay: bool
) -> None:
    """Note things that have changed, by their numbers, with their kinds.

    :param replay: whether samples may have waited for the change.
    """
    noted = sorted((number, kind in ASSET_KINDS) for number, kind in things.items()
                   if kind in FOLLOWED and (replay or kind in ASSET_KINDS))  # fmt: skip
    given = sa.func.unnest(
        sa.literal([number for number, _ in noted], ARRAY(sa.BigInteger)),
        sa.literal([asset for _, asset in noted], ARRAY(sa.Boolean)),
    ).table_valued("trackable_id", "asset").render_derived()  # fmt: skip
    same = {"account_id": account_id, "version": version, "since": known, "replay": replay}
    values = (sa.literal(value, pending.c[name].type) for name, value in same.items())
    statement = insert(pending).from_select(
        ["trackable_id", "asset", *same], sa.select(given.c.trackable_id, given.c.asset, *values)
    )
    new = {name: statement.excluded[name] for name in ("version", "since", "asset")}
    either = pending.c.replay | statement.excluded.replay
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["trackable_id"], set_=new | {"replay": either}
        )
    )


def of(account_id: int, numbers: Collection[int] | None = None) -> list[Pending]:
    """Return an organisation's things with effects to come, assemblies before what is in them.

    :param numbers: among these only.
    """
    p, t = pending.c, trackable.c
    query = (
        sa.select(p.trackable_id, t.kind, p.version, p.asset, p.replay)
        .join(trackable, t.id == p.trackable_id)
        .where(p.account_id == account_id)
        .order_by(sa.case({kind: i for i, kind in enumerate(FOLLOWED)}, value=t.kind), t.id)
    )
    if numbers is not None:
        query = query.where(p.trackable_id == _any(numbers))
    return [Pending(*row) for row in db.session.execute(query)]


def claim(before: datetime, most: int, account_id: int | None = None) -> list[tuple[int, int]]:
    """Return organisations and things with effects to come, those that wait longest first.

    They count as changed now: others leave them alone for a while, and what fails each time
    does not keep back what waits behind it. The caller commits.

    :param before: only of changes before this time.
    :param account_id: of this organisation only.
    """
    p = pending.c
    query = sa.select(p.trackable_id).where(p.since < before)
    if account_id is not None:
        query = query.where(p.account_id == account_id)
    query = query.order_by(p.since, p.trackable_id).limit(most).with_for_update(skip_locked=True)
    claimed = (
        sa.update(pending)
        .where(p.trackable_id.in_(query.scalar_subquery()))
        .values(since=datetime.now(UTC))
        .returning(p.account_id, p.trackable_id)
    )
    return sorted((row[0], row[1]) for row in db.session.execute(claimed))


def number(account_id: int) -> int:
    """Return of how many things effects are still to come."""
    query = sa.select(sa.func.count()).where(pending.c.account_id == account_id)
    found: int = db.session.execute(query).scalar_one()
    return found


def asset_is_there(versions: Versions) -> None:
    """Note that the assets of things are as of their change; a later change counts anew."""
    among = pending.c.trackable_id == _any(_locked(versions))
    db.session.execute(sa.delete(pending).where(among, ~pending.c.replay))
    db.session.execute(sa.update(pending).where(among).values(asset=False))


def remove(versions: Versions) -> None:
    """Remove things whose effects are there; those that have changed again stay."""
    among = pending.c.trackable_id == _any(_locked(versions))
    db.session.execute(sa.delete(pending).where(among))


def _locked(versions: Versions) -> list[int]:
    p = pending.c
    query = (
        sa.select(p.trackable_id, p.version)
        .where(p.trackable_id == _any(versions))
        .order_by(p.trackable_id)
        .with_for_update()
    )
    return [n for n, version in db.session.execute(query) if versions[n] == version]


def _any(numbers: Collection[int]) -> Any:
    return sa.any_(sa.literal(list(numbers), ARRAY(sa.BigInteger)))
