"""Where the lines of a registry file put things, and what they take from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from datetime import datetime

from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing import moves
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.spots import spot_for
from flexmeasures_pms.registry.importing.rows import FaultyLine, ImportRules
from flexmeasures_pms.registry.kinds import BOARD, CABINET, CASE, PMS, slot_for
from flexmeasures_pms.registry.messages.message import (
    CountText,
    PlaceText,
    message,
    message_form,
    place_of,
)
from flexmeasures_pms.registry.timeline import Installation, Spot, row_at

_Key = tuple[object, datetime | None]

Leaving = tuple[int, int, Spot]
"""A line, and the part and place that it takes from each other."""


@dataclass(frozen=True, slots=True)
class _Left:
    """A place that a part, or a cabinet, has left because of a line."""

    line: int
    row: Installation
    at: datetime

    @property
    def key(self) -> Leaving:
        """What was taken from where by which line."""
        return self.line, self.row.part_id, self.row.spot


@dataclass(slots=True)
class Placements:
    """What the lines of one file have put where, so that no line undoes what another says.

    :param changeset: what they change.
    :param checked: what lines take from where, as it was found out with the whole file: a
        later line fills the place, or it is accepted.
    """

    changeset: Changeset
    rules: ImportRules
    checked: Set[Leaving] = frozenset()
    line: int = 0
    _lines: dict[_Key, tuple[int, object]] = field(default_factory=dict)
    _left: list[_Left] = field(default_factory=list)

    def forget(self) -> None:
        """Forget what the current line has put anywhere: it is undone."""
        self._lines = {key: value for key, value in self._lines.items() if value[0] != self.line}
        self._left = [left for left in self._left if left.line != self.line]

    def put(
        self, part: Entry | None, assembly: Entry, place: int | None, at: datetime | None
    ) -> None:
        """Install a part in a place since a time, swapped for whatever else is there.

        :raises RegistryConflict: if it does not fit, or another line says otherwise.
        """
        if part is None:
            return
        changeset, moment = self.changeset, at or self.changeset.now
        spot = spot_for(changeset, part, assembly, place, moment)
        # Of other parts of cases the file alone shows it: `repeated_lines`.
        if assembly.kind != CASE or part.kind == BOARD:
            self._check_other_lines(part, spot, at)
        row = row_at(changeset.rows(part.id), moment)
        if row is not None and row.spot == spot:
            return
        self._check_pms(part, spot, moment)
        other = moves.occupant(changeset, spot, part.id, moment)
        self._note_left(part, spot, moment)
        if other is None:
            moves.install(changeset, part, assembly, place, at)
            return
        self._note_left(other, spot, moment)
        moves.swap(changeset, other, part, at)

    def _check_other_lines(self, part: Entry, spot: Spot, at: datetime | None) -> None:
        place = self._place(spot, part)
        line, where = self._lines.setdefault((part.id, at), (self.line, spot))
        if where != spot and line != self.line:
            form = message_form("Line {n} has {what} in another place than {place}.")
            raise RegistryConflict(message(form, n=line, what=part, place=place))
        if spot[2] is None:
            return
        line, what = self._lines.setdefault((spot, at), (self.line, part.id))
        if what != part.id and isinstance(what, int) and line != self.line:
            other = self.changeset.view.entries[what]
            form = message_form("{place} is for {what} on line {n} already.")
            raise RegistryConflict(message(form, place=place, what=other, n=line))

    def _place(self, spot: Spot, part: Entry) -> PlaceText:
        assembly = self.changeset.view.entries[spot[0]]
        return PlaceText(assembly, slot_for(assembly.kind, part.kind), spot[2])

    def _place_of(self, row: Installation) -> PlaceText:
        return place_of(self.changeset.view, row, self.changeset.now)

    def _check_pms(self, part: Entry, spot: Spot, moment: datetime) -> None:
        """Refuse that a cabinet which is registered in a PMS goes to another."""
        if part.kind != CABINET or self.rules.other_pms:
            return
        row = row_at(self.changeset.registered_rows(part.id), moment)
        if row is None or row.assembly_id == spot[0]:
            return
        entries = self.changeset.view.entries
        form = message_form("{what} is installed in {place}, and would go to {other}.")
        here = self._place_of(row)
        raise RegistryConflict(
            message(form, what=part, place=here, other=entries[spot[0]]), cure="other_pms"
        )

    def _note_left(self, part: Entry, spot: Spot, moment: datetime) -> None:
        """Note what a part leaves, if the registry has it there: a case, or a cabinet its PMS."""
        row = row_at(self.changeset.registered_rows(part.id), moment)
        if row is None:
            return
        assembly = self.changeset.view.entries[row.assembly_id].kind
        if (assembly == CASE and row.assembly_id != spot[0]) or (assembly, part.kind) == (
            PMS,
            CABINET,
        ):
            self._left.append(_Left(self.line, row, moment))

    def leavings(self) -> Iterator[Leaving]:
        """Yield what the lines take from where."""
        return (left.key for left in self._left)

    def faults(self) -> Iterator[FaultyLine]:
        """Yield a fault for each line that strips an installed case, or puts a cabinet nowhere.

        To be asked for when all lines are done: a later one may fill the place again.
        """
        stripped: dict[tuple[int, int], list[_Left]] = {}
        for left in (left for left in self._left if left.key not in self.checked):
            if self.changeset.view.entries[left.row.part_id].kind == CABINET:
                yield from self._cabinet_that_is_nowhere(left)
            elif not self.rules.stripped_cases and self._is_missed(left):
                stripped.setdefault((left.line, left.row.assembly_id), []).append(left)
        for (line, _case), parts in stripped.items():
            yield FaultyLine(line, self._strips(parts))

    def _is_missed(self, left: _Left) -> bool:
        """Whether a case is installed without anything in a place that it had a part in."""
        installed = row_at(self.changeset.rows(left.row.assembly_id), left.at) is not None
        return installed and not any(
            row.end > left.at for row in self.changeset.in_spot(left.row.spot)
        )

    def _strips(self, parts: list[_Left]) -> RegistryConflict:
        entries, row = self.changeset.view.entries, parts[0].row
        case, what = entries[row.assembly_id], entries[row.part_id]
        docked = row_at(self.changeset.rows(case.id), parts[0].at)
        place = self._place_of(docked) if docked else PlaceText(case, None, None)
        if len(parts) == 1:
            form = message_form(
                "It takes {what} from {case} in {place}, and nothing takes its place."
            )
            return RegistryConflict(
                message(form, what=what, case=case, place=place), cure="stripped"
            )
        more = CountText(len(parts) - 1, "other thing")
        form = message_form(
            "It takes {what} and {things} from {case} in {place}, and nothing takes their place."
        )
        said = message(form, what=what, things=more, case=case, place=place)
        return RegistryConflict(said, cure="stripped")

    def _cabinet_that_is_nowhere(self, left: _Left) -> Iterator[FaultyLine]:
        if self.rules.other_pms or any(
            row.end > left.at for row in self.changeset.rows(left.row.part_id)
        ):
            return
        entries = self.changeset.view.entries
        what, place = entries[left.row.part_id], self._place_of(left.row)
        form = message_form("It takes {what} out of {place}, and puts it nowhere else.")
        said = message(form, what=what, place=place)
        yield FaultyLine(left.line, RegistryConflict(said, cure="other_pms"))
