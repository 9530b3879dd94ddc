"""How the quantities of an asset are recorded: the host's choice, or the catalogue's."""

from __future__ import annotations

from dataclasses import dataclass

from flexmeasures.data import db
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE
from flexmeasures_pms.catalogue.recording import Deadband, chosen, label
from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import ConfigError
from flexmeasures_pms.storage.readings.recordings import policies_of
from flexmeasures_pms.storage.tables import recording

_CHOSEN_BY = ("this asset", "PMS_RECORDING", "by default")


@dataclass(frozen=True, slots=True)
class Explained:
    """How one quantity is recorded, and who chose that: the catalogue, host or asset."""

    quantity: str
    deadband: Deadband
    chosen_by: str


def explained(trackable_id: int, kind: str) -> list[Explained]:
    """Return how each quantity of a trackable is recorded, in the order of the catalogue."""
    host = dict(settings().recording)
    asset = dict(policies_of([trackable_id]).get(trackable_id, ()))
    found = {label(q): chosen(q, asset, host) for q in BY_ASSET_TYPE[kind]}
    return [Explained(name, band, _CHOSEN_BY[place]) for name, (place, band) in found.items()]


def choose(trackable_id: int, kind: str, quantity: str, deadband: Deadband) -> None:
    """Set the policy of a quantity of one trackable from now on; the caller commits.

    :raises ConfigError: when there is no such quantity of its kind.
    """
    row = {"trackable_id": trackable_id, "quantity": _of_kind(kind, quantity)}
    values = {"deadband": deadband}
    statement = insert(recording).values(**row, **values)
    db.session.execute(statement.on_conflict_do_update(index_elements=list(row), set_=values))


def reset(trackable_id: int, kind: str, quantity: str) -> Deadband:
    """Reset a quantity to the default policy, and return it. The caller commits.

    :raises ConfigError: when there is no such quantity of its kind.
    """
    c, name = recording.c, _of_kind(kind, quantity)
    db.session.execute(delete(recording).where(c.trackable_id == trackable_id, c.quantity == name))
    return next(e.deadband for e in explained(trackable_id, kind) if e.quantity == name)


def _of_kind(kind: str, quantity: str) -> str:
    names = dict.fromkeys(label(q) for q in BY_ASSET_TYPE[kind])
    if quantity in names:
        return quantity
    raise ConfigError(
        f"There is no quantity {quantity!r} of a {kind}; its quantities are {', '.join(names)}."
    )
