"""What the plugin made in FlexMeasures: found again, and removed with the plugin.

In SQL, and with the columns that the first tables had: a registry of any revision can be
removed. An asset that was given to another organisation is that organisation's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.exc import IntegrityError

from flexmeasures_pms.catalogue.asset_types import ASSET_TYPES
from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.migrations import belief_tables
from flexmeasures_pms.registry.tables import trackable
from flexmeasures_pms.storage.sources import reports_as_source

ASSETS_AT_ONCE = 100

_ASSETS = """
    SELECT a.id FROM generic_asset a JOIN pms_trackable t ON t.asset_id = a.id
    WHERE a.account_id = t.account_id
"""
_SENSORS = f"SELECT id FROM sensor WHERE generic_asset_id IN ({_ASSETS})"  # noqa: S608
_BELIEFS = f"DELETE FROM timed_belief WHERE sensor_id IN ({_SENSORS})"  # noqa: S608
_STAY = f"""
    UPDATE generic_asset SET parent_asset_id = NULL
    WHERE parent_asset_id IN ({_ASSETS}) AND id NOT IN ({_ASSETS})
"""  # noqa: S608
_TYPES = """
    DELETE FROM generic_asset_type t
    WHERE (t.name, t.description) IN (SELECT * FROM unnest(CAST(:names AS text[]),
                                                           CAST(:descriptions AS text[])))
        AND NOT EXISTS (SELECT FROM generic_asset a WHERE a.generic_asset_type_id = t.id)
"""
_UNUSED_SOURCES = """
    DELETE FROM data_source s WHERE s.id = ANY(CAST(:ids AS int[]))
        AND s.id NOT IN (SELECT b.source_id FROM timed_belief b
                         WHERE b.source_id = ANY(CAST(:ids AS int[])))
        AND NOT EXISTS (SELECT FROM annotation n WHERE n.source_id = s.id)
"""


@dataclass(frozen=True, slots=True)
class Made:
    """How many things in FlexMeasures are the plugin's.

    :param sources: data sources of devices.
    """

    assets: int
    sensors: int
    sources: tuple[int, ...]

    def __bool__(self) -> bool:
        """Return whether there is anything."""
        return bool(self.assets or self.sources)


def made() -> Made:
    """Return what the plugin made in FlexMeasures, as the registry knows it."""
    with db.engine.connect() as connection:
        if not sa.inspect(connection).has_table(trackable.name):
            return Made(0, 0, ())
        assets = connection.scalar(sa.text(f"SELECT count(*) FROM ({_ASSETS}) a"))  # noqa: S608
        sensors = connection.scalar(sa.text(f"SELECT count(*) FROM ({_SENSORS}) s"))  # noqa: S608
        return Made(assets or 0, sensors or 0, _sources(connection))


def _sources(connection: sa.Connection) -> tuple[int, ...]:
    from flexmeasures.data.models.data_sources import DataSource

    query = sa.select(DataSource.id).distinct().join(trackable, reports_as_source(trackable))
    return tuple(connection.scalars(query))


def remove(sources: Iterable[int]) -> None:
    """Delete the assets with their sensors and beliefs, then sources and types without use.

    Each step is committed, so that one which was cut off is simply run again. Assets of others
    below those of the plugin stay, at the top.

    :param sources: ids of the data sources of devices.
    :raises RegistryError: if they can't: then nothing was deleted.
    """
    _keep_assets_of_others()
    with db.engine.begin() as connection:
        # What the plugin remembers of them is dropped as a whole: no trigger has to look for it.
        connection.execute(sa.text("SET LOCAL pms.beliefs_move = 'on'"))
        # At once: FlexMeasures has no index that finds the beliefs of one sensor.
        connection.execute(sa.text(_BELIEFS))
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Or the deletion of each sensor would look through what is deleted already.
        tables = ", ".join(("timed_belief", *belief_tables.names(connection)))
        connection.execute(sa.text(f"VACUUM {tables}"))
    while _some_assets():
        pass
    with db.engine.begin() as connection:
        connection.execute(sa.text(_UNUSED_SOURCES), {"ids": list(sources)})
        types = {
            "names": [one.name for one in ASSET_TYPES],
            "descriptions": [one.description for one in ASSET_TYPES],
        }
        connection.execute(sa.text(_TYPES), types)


def _keep_assets_of_others() -> None:
    try:
        with db.engine.begin() as connection:
            connection.execute(sa.text(_STAY))
    except IntegrityError as error:
        raise RegistryError(
            "Assets below those of the plugin can't go to the top, for the organisation has "
            "others of their names there: rename or move them in FlexMeasures first. Nothing was "
            "removed."
        ) from error


def _some_assets() -> bool:
    """Delete some of the assets, and return whether there were any."""
    query = f"DELETE FROM generic_asset WHERE id IN ({_ASSETS} LIMIT {ASSETS_AT_ONCE})"  # noqa: S608
    with db.engine.begin() as connection:
        return bool(connection.execute(sa.text(query)).rowcount)
