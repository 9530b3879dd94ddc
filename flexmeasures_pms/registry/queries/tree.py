"""What is in what at a time, as a tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.kinds import KINDS
from flexmeasures_pms.registry.loading.snapshot import Snapshot
from flexmeasures_pms.registry.messages.message import place_of
from flexmeasures_pms.registry.timeline import Installation


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A trackable and what is in it.

    :param slot: the slot that it is in, and ``place`` the place in that; None on top.
    :param across: a dock as it is counted across the PMS, where that is another number.
    """

    entry: Entry
    at: datetime
    slot: str | None = None
    place: int | None = None
    across: int | None = None
    parts: tuple[TreeNode, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the tree as JSON has it."""
        return {
            "kind": self.entry.kind,
            "id": self.entry.ident,
            "slot": self.slot,
            "place": self.place,
            "dock": self.across or (self.place if self.slot == "dock" else None),
            "retired": self.entry.is_retired(self.at),
            "asset_id": self.entry.asset_id,
            "parts": [part.as_json() for part in self.parts],
        }


def tree(registered: Directory, entry: Entry, at: datetime) -> TreeNode:
    """Return a trackable with all that is in it at a time."""
    return _node(registered, entry, None, at)


def forest(registered: Snapshot, at: datetime) -> Iterator[TreeNode]:
    """Yield every trackable that is installed nowhere at a time, with what is in it."""
    order = list(KINDS)
    outermost = (e for e in registered.entries.values() if registered.installed(e.id, at) is None)
    for entry in sorted(outermost, key=lambda e: (order.index(e.kind), e.ident)):
        yield tree(registered, entry, at)


def _node(registered: Directory, entry: Entry, row: Installation | None, at: datetime) -> TreeNode:
    parts = (
        _node(registered, registered.entries[part.part_id], part, at)
        for part in registered.parts_of(entry.id, at)
    )
    inside = tuple(_ordered(parts))
    if row is None:
        return TreeNode(entry, at, parts=inside)
    across = place_of(registered, row, at).across
    return TreeNode(entry, at, row.slot, row.place, across, inside)


def _ordered(parts: Iterable[TreeNode]) -> list[TreeNode]:
    order = list(KINDS)
    return sorted(parts, key=lambda n: (order.index(n.entry.kind), n.place or 0, n.entry.ident))
