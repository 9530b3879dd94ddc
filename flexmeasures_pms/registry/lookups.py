"""What values are looked up in one by one, and those that are found when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar, overload

from flexmeasures_pms.registry.timeline import Rows

K = TypeVar("K")
K_contra = TypeVar("K_contra", contravariant=True)
V = TypeVar("V")
Default = TypeVar("Default")


class Lookup(Protocol[K_contra, V]):
    """What values are looked up in one by one, such as a dict."""

    def __getitem__(self, key: K_contra, /) -> V:
        """Return what is there; KeyError if nothing is."""

    @overload
    def get(self, key: K_contra, default: None = None, /) -> V | None: ...

    @overload
    def get(self, key: K_contra, default: V, /) -> V: ...

    @overload
    def get(self, key: K_contra, default: Default, /) -> V | Default: ...


class ComputedLookup(Generic[K, V]):
    """Values that are found when they are looked up, one by one."""

    def __init__(self, ask: Callable[[K], V | None]) -> None:
        """Find them with ``ask``, which returns None for what is not there."""
        self._ask = ask

    def __getitem__(self, key: K, /) -> V:
        """Return what is there; KeyError if nothing is."""
        found = self._ask(key)
        if found is None:
            raise KeyError(key)
        return found

    @overload
    def get(self, key: K, default: None = None, /) -> V | None: ...

    @overload
    def get(self, key: K, default: V, /) -> V: ...

    @overload
    def get(self, key: K, default: Default, /) -> V | Default: ...

    def get(self, key: K, default: Default | None = None, /) -> V | Default | None:
        """Return what is there, or the default."""
        found = self._ask(key)
        return default if found is None else found


def _nothing(_: int) -> Rows | None:
    return None


NOTHING_THERE: Lookup[int, Rows] = ComputedLookup(_nothing)
"""Installations of a registry without any."""


def rows_of_slot(by_assembly: Lookup[int, Rows], slot: str) -> Lookup[int, Rows]:
    """Return the installations in one slot of each assembly, divided when they are looked up.

    :param by_assembly: all installations in an assembly, in order of time.
    """
    held: dict[int, tuple[Rows, Rows]] = {}

    def of_slot(assembly_id: int) -> Rows:
        rows = by_assembly.get(assembly_id, ())
        if assembly_id not in held or held[assembly_id][0] is not rows:
            held[assembly_id] = rows, tuple(row for row in rows if row.slot == slot)
        return held[assembly_id][1]

    return ComputedLookup(of_slot)
