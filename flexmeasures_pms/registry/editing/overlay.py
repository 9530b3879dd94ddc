"""Changes on top of what is registered, which itself is never changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, overload

from flexmeasures_pms.registry.lookups import Default, K, Lookup, V


@dataclass(slots=True)
class UndoLog:
    """How to undo each change since a savepoint, in the order of the changes.

    :param kept: whether there was a savepoint.
    """

    undoing: list[Callable[[], None]] = field(default_factory=list)
    kept: bool = False

    def begin(self) -> None:
        """Keep what comes from now on, and only that."""
        self.undoing.clear()
        self.kept = True

    def undo(self) -> None:
        """Undo what was kept, the latest first."""
        while self.undoing:
            self.undoing.pop()()


class Overlay(Generic[K, V]):
    """What is registered, with the changes made so far.

    :param base: what is registered.
    :param undo_log: where to keep how each change is undone.
    """

    def __init__(self, base: Lookup[K, V], undo_log: UndoLog) -> None:
        self._base = base
        self._changed: dict[K, V] = {}
        self._undo_log = undo_log

    @property
    def changed(self) -> Mapping[K, V]:
        """What differs from what is registered."""
        return self._changed

    def __getitem__(self, key: K, /) -> V:
        """Return what is there; KeyError if nothing is."""
        return self._changed[key] if key in self._changed else self._base[key]

    @overload
    def get(self, key: K, default: None = None, /) -> V | None: ...

    @overload
    def get(self, key: K, default: V, /) -> V: ...

    @overload
    def get(self, key: K, default: Default, /) -> V | Default: ...

    def get(self, key: K, default: Default | None = None, /) -> V | Default | None:
        """Return what is there, or the default."""
        return self._changed[key] if key in self._changed else self._base.get(key, default)

    def __setitem__(self, key: K, value: V, /) -> None:
        """Change what is there."""
        changed = self._changed
        if self._undo_log.kept and key in changed:
            self._undo_log.undoing.append(partial(changed.__setitem__, key, changed[key]))
        elif self._undo_log.kept:
            self._undo_log.undoing.append(partial(changed.__delitem__, key))
        changed[key] = value
