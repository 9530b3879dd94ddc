"""What is in what at a time, as a tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.kinds import KINDS
from flexmeasures_pms.registry.loading.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A trackable and what is in it.

    :param slot: the slot that it is in, and ``place`` the place in that; None on top.
    """

    entry: Entry
    slot: str | None
    place: int | None
    parts: tuple[TreeNode, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the tree as JSON has it."""
        return {
            "kind": self.entry.kind,
            "id": self.entry.ident,
            "slot": self.slot,
            "place": self.place,
            "asset_id": self.entry.asset_id,
            "parts": [part.as_json() for part in self.parts],
        }


def tree(registered: Directory, entry: Entry, at: datetime) -> TreeNode:
    """Return a trackable with all that is in it at a time."""
    return _node(registered, entry, None, None, at)


def forest(registered: Snapshot, at: datetime) -> Iterator[TreeNode]:
    """Yield every trackable that is installed nowhere at a time, with what is in it."""
    order = list(KINDS)
    outermost = (e for e in registered.entries.values() if registered.installed(e.id, at) is None)
    for entry in sorted(outermost, key=lambda e: (order.index(e.kind), e.ident)):
        yield tree(registered, entry, at)


def _node(
    registered: Directory, entry: Entry, slot: str | None, place: int | None, at: datetime
) -> TreeNode:
    parts = (
        _node(registered, registered.entries[row.part_id], row.slot, row.place, at)
        for row in registered.parts_of(entry.id, at)
    )
    return TreeNode(entry, slot, place, tuple(_ordered(parts)))


def _ordered(parts: Iterable[TreeNode]) -> list[TreeNode]:
    order = list(KINDS)
    return sorted(parts, key=lambda n: (order.index(n.entry.kind), n.place or 0, n.entry.ident))
