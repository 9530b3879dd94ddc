"""What a process remembers of the registries: bounded, and of one version per organisation.

Facts are kept by what they are about, the least recently used go first. What is remembered
of an organisation is all of one version of its registry: a change takes away what it
concerns (:func:`catch_up`), and nothing that was read at another version comes in.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import Literal

from flexmeasures_pms.registry.loading.rows import KnownTrackable
from flexmeasures_pms.registry.timeline import Rows


@dataclass(frozen=True, slots=True)
class KnownName:
    """What an id names; None for nothing, as it was at a version."""

    number: int | None
    version: int


CacheKey = tuple[int, Literal["name", "thing", "inside"], object]
"""Organisation, and what it is about: an id (kind, key) or the number of a trackable."""

Fact = KnownName | KnownTrackable | Rows


class _Facts:
    """Facts by what they are about, the least recently used first, and what they weigh."""

    def __init__(self) -> None:
        self.weight = 0
        self._facts: OrderedDict[CacheKey, Fact] = OrderedDict()

    def about(self) -> list[CacheKey]:
        return list(self._facts)

    def get(self, key: CacheKey) -> Fact | None:
        fact = self._facts.get(key)
        if fact is not None:
            self._facts.move_to_end(key)
        return fact

    def put(self, key: CacheKey, fact: Fact) -> None:
        self.drop(key)
        self._facts[key] = fact
        self.weight += _weight(fact)

    def drop(self, key: CacheKey) -> None:
        fact = self._facts.pop(key, None)
        self.weight -= _weight(fact) if fact is not None else 0

    def drop_oldest(self) -> None:
        _, fact = self._facts.popitem(last=False)
        self.weight -= _weight(fact)


def _weight(fact: Fact) -> int:
    if isinstance(fact, KnownName):
        return 1
    return 1 + len(fact.rows if isinstance(fact, KnownTrackable) else fact)


_facts = _Facts()
_versions: dict[int, int] = {}
_lock = RLock()  # a worker has several threads


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let no other thread change what is remembered."""
    with _lock:
        yield


def version_of(account_id: int) -> int | None:
    """Return the version of an organisation's registry that is remembered, if any is."""
    return _versions.get(account_id)


def recall(key: CacheKey) -> Fact | None:
    """Return a fact that is remembered, or None."""
    with _lock:
        return _facts.get(key)


def keep(account_id: int, version: int, facts: Mapping[CacheKey, Fact], most: int) -> None:
    """Remember facts that were read at a version, unless another is remembered by now.

    :param most: things, ids and installations to remember in all.
    """
    with _lock:
        if _versions.get(account_id) == version:
            for key, fact in facts.items():
                _facts.put(key, fact)
            while _facts.weight > most:
                _facts.drop_oldest()


def catch_up(account_id: int, known: int | None, version: int, changed: Iterable[int]) -> None:
    """Forget what changed between two versions.

    :param known: the version that was remembered when the changes were asked for.
    :param changed: the trackables that changed since.
    """
    with _lock:
        if _versions.get(account_id) == known:
            for number in changed:
                _facts.drop((account_id, "thing", number))
                _facts.drop((account_id, "inside", number))
            _versions[account_id] = version


def forget(account_id: int) -> None:
    """Forget everything of an organisation."""
    with _lock:
        _versions.pop(account_id, None)
        for key in _facts.about():
            if key[0] == account_id:
                _facts.drop(key)


def remembered() -> int:
    """Return how many things, ids and installations are remembered."""
    return _facts.weight
