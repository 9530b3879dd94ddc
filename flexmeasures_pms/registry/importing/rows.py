"""The lines of a registry file as data, and what may be in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.editing.origins import OriginDetails
from flexmeasures_pms.registry.editing.registration import Details
from flexmeasures_pms.registry.kinds import (
    BBC,
    BOARD,
    BUSBAR,
    CABINET,
    CASE,
    CELL_BLOCK,
    EHUB,
    FET_BOARD,
    PMS,
    SITE,
)
from flexmeasures_pms.registry.queries.sites import NO_FACTS, SiteFacts

_KINDS = {
    "pack.id": (CASE,),
    "site.id": (SITE,),
    "pms.id": (PMS,),
    "cabinet.id": (CABINET,),
    "ehub.id": (EHUB, BBC),
    "bbc.id": (BBC,),
    "busbar.id": (BUSBAR,),
    "board.id": (BOARD,),
    "fet.board.id": (FET_BOARD,),
}


@dataclass(frozen=True, slots=True)
class ImportRules:
    """What is accepted in a file that would otherwise be refused.

    :param skip_faulty: lines with faults, which are left out.
    :param planned: a ``valid_from`` of up to a year ahead.
    :param similar_ids: new ids that differ from others only by leading zeros.
    :param spreadsheet_ids: new ids such as ``241.0``, which a spreadsheet has changed.
    :param placeholders: new ids such as ``N/A``.
    :param short_lines: lines without their last fields, which then count as empty.
    :param stripped_cases: lines that leave an installed case without parts that it had.
    :param other_pms: lines that take an installed cabinet out of its PMS.
    """

    skip_faulty: bool = False
    planned: bool = False
    similar_ids: bool = False
    spreadsheet_ids: bool = False
    placeholders: bool = False
    short_lines: bool = False
    stripped_cases: bool = False
    other_pms: bool = False


STRICT = ImportRules()


@dataclass(frozen=True, slots=True)
class FaultyLine:
    """A line that can't be imported, and why."""

    line: int
    error: RegistryError

    @property
    def message(self) -> str:
        """Why, as the command line prints it."""
        return str(self.error)

    def __str__(self) -> str:
        """Return it as it is reported."""
        return f"Line {self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class FileRow:
    """One line: a case with what is in it, or without a case a site, PMS, cabinet or spare part.

    An empty field is None or left out.

    :param ids: by their columns, without those of cell blocks.
    :param position: of the cabinet in its PMS.
    :param docks: how many the cabinet has.
    :param of_pms: details of the PMS; ``of_site`` of its site, or of the site of the line, with
        ``facts``.
    :param spare: of which kind a spare part is.
    :param origins: where things come from, by the columns of their ids.
    """

    line: int
    ids: dict[str, str] = field(default_factory=dict)
    cells: tuple[str | None, ...] = ()
    aliases: tuple[str, ...] = ()
    dock: int | None = None
    position: int | None = None
    docks: int | None = None
    of_pms: Details = field(default_factory=Details)
    of_site: Details = field(default_factory=Details)
    facts: SiteFacts = NO_FACTS
    spare: str | None = None
    valid_from: datetime | None = None
    origins: dict[str, OriginDetails] = field(default_factory=dict)

    @property
    def case(self) -> str | None:
        """The case's id."""
        return self.ids.get("pack.id")

    def named(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield each id with the kinds of which it may be; the first if it is new."""
        for column, kinds in _KINDS.items():
            if column in self.ids:
                yield kinds, self.ids[column]
        if self.spare is not None:
            yield (self.spare,), self.ids["spare.id"]
        yield from (((BOARD,), alias) for alias in self.aliases)
        yield from (((CELL_BLOCK,), block) for block in self.cells if block)

    def described(self) -> Iterator[tuple[tuple[str, ...], str, OriginDetails]]:
        """Yield the things of which the line says where they come from, as ``named`` does."""
        for column, details in self.origins.items():
            if column == "spare.id":
                yield (self.spare or "",), self.ids[column], details
            elif column in _KINDS:
                yield _KINDS[column], self.ids[column], details
            else:
                cell = self.cells[int(column.rpartition(".")[2]) - 1]
                yield (CELL_BLOCK,), cell or "", details


@dataclass(frozen=True, slots=True)
class RegistryFile:
    """A registry file as read.

    :param rows: the lines without a fault.
    :param faults: the lines with one.
    :param ignored: columns that are unknown, and numbers of those without a name.
    """

    rows: tuple[FileRow, ...]
    faults: tuple[FaultyLine, ...]
    ignored: tuple[str, ...] = ()
