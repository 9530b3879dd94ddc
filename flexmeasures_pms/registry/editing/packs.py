"""Packs in a cabinet that leaves its PMS: whoever moves it has to know of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.moves import packs_in
from flexmeasures_pms.registry.kinds import CABINET
from flexmeasures_pms.registry.messages.message import CountText, message


@contextmanager
def keeping_packs(
    changeset: Changeset, parts: Sequence[Entry], at: datetime | None, *, allowed: bool
) -> Iterator[None]:
    """Refuse that the block takes cabinets with packs out of their PMSes, unless allowed.

    :raises RegistryConflict: if it does: the packs would leave the PMS with their cabinet.
    """
    moment = at or changeset.now
    racks = [part for part in parts if part.kind == CABINET and not allowed]
    before = {rack.id: changeset.view.pms_of(rack.id, moment) for rack in racks}
    yield
    for rack in racks:
        pms, packs = before[rack.id], packs_in(changeset.view, rack, moment)
        if pms is not None and packs and changeset.view.pms_of(rack.id, moment) != pms:
            raise RegistryConflict(
                message(
                    "{what} has {packs} in it, which would leave {pms} with it.",
                    what=rack,
                    packs=CountText(packs, "case"),
                    pms=pms,
                ),
                command="move them first, or give --with-packs if they go along",
                cure="packs",
            )
