"""What the FlexMeasures assets of registered things say of them: place, site, description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import current_app

from flexmeasures_pms.identifiers import plain
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.kinds import CABINET, CASE, SITE
from flexmeasures_pms.registry.location import above


@dataclass(frozen=True, slots=True)
class Described:
    """What an asset is to say.

    :param parent_id: the asset above it.
    :param text: its description; None to leave it as it is.
    """

    entry: Entry
    parent_id: int | None
    timezone: str
    latitude: float | None
    longitude: float | None
    text: str | None

    @property
    def external_id(self) -> str:
        """The asset's ``external_id``; it is unique in an organisation."""
        return f"{self.entry.kind}:{self.entry.ident}"


def described(
    entry: Entry, registered: Directory, now: datetime, made: Mapping[int, int]
) -> Described:
    """Return what the asset of a thing is to say.

    :param made: assets of assemblies that were made just now.
    """
    place = registered.place_of(entry.id, now)
    parent = registered.entry(place.assembly_id) if place else None
    around = (entry, *above(registered, entry, now))
    zone = next((one.timezone for one in around if one.timezone), None)
    located = next((one for one in around if one.latitude is not None), entry)
    words = None
    if entry.kind == CASE:
        words = plain(_place_in_words(registered, entry.id, now))
    elif entry.kind == CABINET and place and parent:
        words = plain(f"Cabinet {place.place} of PMS {parent.ident}")
    return Described(
        entry,
        _parent_asset(entry, parent, made),
        zone or current_app.config["FLEXMEASURES_TIMEZONE"],
        located.latitude,
        located.longitude,
        words,
    )


def _parent_asset(entry: Entry, parent: Entry | None, made: Mapping[int, int]) -> int | None:
    """Return the asset above that of a thing: a device's as chosen, before that of its site."""
    if parent is None or (parent.kind == SITE and entry.parent_asset_id is not None):
        return entry.parent_asset_id
    return made.get(parent.id, parent.asset_id)


def _place_in_words(registered: Directory, case_id: int, now: datetime) -> str:
    place = registered.place_of(case_id, now)
    if place is None:
        return "Case, in no dock"
    assembly = registered.entry(place.assembly_id)
    where = f"{'cabinet' if assembly.kind == CABINET else 'PMS'} {assembly.ident}"
    return f"Case in dock {place.place} of {where}" if place.place else f"Case in {where}"
