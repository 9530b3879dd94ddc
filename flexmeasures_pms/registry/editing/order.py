"""Who orders a change of a registry, since when it holds, and among which changes it is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.editing.change import Author, Change
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.naming import search_within
from flexmeasures_pms.registry.editing.writer import editing
from flexmeasures_pms.registry.queries.search import Searching, search


@dataclass(frozen=True, slots=True)
class Order:
    """Who orders a change, and since when it holds.

    :param at: None for no start where nothing was before, else for now.
    :param account_id: the organisation, where the ids alone do not determine it.
    :param within: the changes that this is one of, all of the organisation ``account_id``; what
        they have registered can be named.
    """

    author: Author
    at: datetime | None = None
    account_id: int | None = None
    within: Changeset | None = None

    @property
    def organisation(self) -> int:
        """The organisation's FlexMeasures account.

        :raises RegistryError: if the order names none.
        """
        if self.account_id is None:
            raise RegistryError("Say which organisation it belongs to.")
        return self.account_id

    @contextmanager
    def editing(self, account_id: int) -> Iterator[Changeset]:
        """Open the registry for this order, or go on with the changes that it is one of."""
        if self.within is None:
            with editing(account_id, self.author) as changeset:
                yield changeset
            return
        self.within.author = self.author
        yield self.within

    def change(self, changeset: Changeset) -> Change:
        """Return what was changed: nothing yet where more is to come."""
        return changeset.change() if self.within is None else Change(changeset.account_id)

    @property
    def among(self) -> Searching:
        """What finds the things that ids name."""
        return search if self.within is None else partial(search_within, self.within)
