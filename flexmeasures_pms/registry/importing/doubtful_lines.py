"""Lines of a registry file with new ids that are doubtful: a spreadsheet drops zeros."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.directory import Name, ident_key
from flexmeasures_pms.registry.editing.doubtful import Doubt, DoubtKind, doubt_about
from flexmeasures_pms.registry.editing.similar import near_ids
from flexmeasures_pms.registry.importing.rows import FaultyLine, FileRow, ImportRules
from flexmeasures_pms.registry.messages.message import CountText, message

NearIds = dict[Name, dict[str, str]]
_Named = Sequence[tuple[tuple[str, ...], str]]


def doubtful_lines(
    account_id: int,
    rows: Sequence[FileRow],
    rules: ImportRules,
    kinds: Set[str] | None = None,
) -> Iterator[FaultyLine]:
    """Yield a fault for each line and reason to doubt its new ids.

    A new id also nearly equals that of a line before it.

    :param kinds: of which the ids are looked at; None for all.
    """
    accepting: Mapping[DoubtKind, bool] = {
        "similar": rules.similar_ids,
        "spreadsheet": rules.spreadsheet_ids,
        "placeholder": rules.placeholders,
    }
    accepted = {kind for kind, accepts in accepting.items() if accepts}
    named = [(row.line, _named(row, kinds)) for row in rows]
    known = near_ids(account_id, {(kind, ident_key(kind, ident)) for _, of_line in named
                                  for of_id, ident in of_line for kind in of_id})  # fmt: skip
    for line, of_line in named:
        yield from _faults(line, of_line, known, accepted)


def _named(row: FileRow, kinds: Set[str] | None) -> _Named:
    if kinds is None:
        return tuple(row.named())
    return [(of_id, ident) for of_id, ident in row.named() if not kinds.isdisjoint(of_id)]


def _faults(
    line: int, named: _Named, known: NearIds, accepted: set[DoubtKind]
) -> Iterator[FaultyLine]:
    found: dict[DoubtKind, list[Doubt]] = {}
    for kinds, ident in named:
        doubt = _doubt(kinds, ident, known)
        if doubt is not None and doubt.kind not in accepted:
            found.setdefault(doubt.kind, []).append(doubt)
    for kind, (first, *others) in found.items():
        said = first.said
        if others:
            things = CountText(len(others), "other thing")
            said = message(
                "{said} The same holds for {things} of this line.", said=said, things=things
            )
        yield FaultyLine(line, RegistryConflict(said, cure=kind))


def _doubt(kinds: tuple[str, ...], ident: str, known: NearIds) -> Doubt | None:
    """Return why an id may be a mistake; one that is not is known to the lines after it."""
    key = ident_key(kinds[0], ident)
    near = [known.setdefault((kind, identifiers.without_zeros(key)), {}) for kind in kinds]
    if any(key in some for some in near):
        return None
    kind, some = next(((k, s) for k, s in zip(kinds, near, strict=True) if s), (kinds[0], {}))
    doubt = doubt_about(kind, ident, some)
    if doubt is None:
        near[0][key] = ident
    return doubt
