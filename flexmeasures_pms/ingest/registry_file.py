"""Importing a registry file of any size while others use the registry.

All of it is compared with the registry first, without keeping anybody waiting. Then it is
written in batches of lines, each in a transaction that takes less than a second. Assets and
the replay of waiting samples come after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.ingest.follow_up import commit
from flexmeasures_pms.registry.editing.change import Author, Change
from flexmeasures_pms.registry.importing.importer import Imported, import_rows
from flexmeasures_pms.registry.importing.rows import FaultyLine, FileRow, ImportRules
from flexmeasures_pms.registry.messages.message import Message
from flexmeasures_pms.storage.session import abandon

_LINES = 50
"""Lines in one transaction: a new case with its parts takes 5 to 10 ms."""


@dataclass(slots=True)
class LinesDone:
    """How far an import is.

    :param done: lines that are committed.
    :param touched: what they have changed.
    :param moved: sentences about beliefs that moved to other cases.
    """

    done: int = 0
    changed: int = 0
    touched: list[int] = field(default_factory=list)
    lines: list[Message] = field(default_factory=list)
    moved: list[Message] = field(default_factory=list)
    faults: list[FaultyLine] = field(default_factory=list)


def write_rows(
    checked: Imported,
    progress: LinesDone,
    *,
    author: Author,
    rules: ImportRules,
    pinned: bool,
    tell: Callable[[int], None] = lambda _done: None,
) -> Imported:
    """Write the lines of a file that was checked, in batches that are committed.

    :param progress: is kept up to date, also where this fails.
    :param pinned: whether the registry has to be as it was at the check.
    :param tell: is told how many more lines are committed.
    :raises OutdatedCheck: if it was to be, and is not; nothing is written.
    :raises RegistryError: when a line does not fit any more; those before it stay.
    """
    before = checked
    for some in _batches(checked.usable):
        as_checked = pinned and not progress.done
        result = import_rows(before, some, author=author, rules=rules, as_checked=as_checked)
        if not result.written:
            abandon()
            raise _no_longer_fits(result.faults[0], progress, len(checked.usable))
        progress.moved += commit(result.change, author)
        before = replace(before, names=result.names)
        progress.done += len(some)
        progress.changed += result.changed
        progress.touched += result.change.touched
        progress.lines += result.change.lines
        progress.faults += result.faults
        tell(len(some))
    change = Change(checked.change.account_id, tuple(progress.touched), (), tuple(progress.lines))
    faults = (*checked.faults, *progress.faults)
    return replace(checked, change=change, changed=progress.changed, faults=faults, written=True)


def _batches(rows: Sequence[FileRow]) -> Iterator[Sequence[FileRow]]:
    return (rows[start : start + _LINES] for start in range(0, len(rows), _LINES))


def _no_longer_fits(fault: FaultyLine, progress: LinesDone, rows: int) -> RegistryError:
    return RegistryError(
        f"{fault} The registry was changed since the file was checked: {progress.done} of {rows} "
        "lines are imported. Import the file again to go on: those change nothing then, and "
        "assets that lack are made."
    )
