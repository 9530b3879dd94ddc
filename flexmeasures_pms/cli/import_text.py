"""What ``import-registry`` says of a file: what it would change, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from flexmeasures_pms.cli.text import error_text
from flexmeasures_pms.plural import counted
from flexmeasures_pms.registry.importing.columns import ignored_columns
from flexmeasures_pms.registry.importing.import_summary import ImportSummary
from flexmeasures_pms.registry.importing.importer import Imported
from flexmeasures_pms.registry.importing.rows import FaultyLine
from flexmeasures_pms.registry.messages.message import Renderer

_NAMES, _MOVES = 8, 40

_CURES: Mapping[str, str] = {
    "similar": "Spreadsheets drop leading zeros: write ids as they are registered, or give "
    "--allow-similar-ids if these are other things.",
    "spreadsheet": "Format columns of ids as text in a spreadsheet, or write them in brackets "
    "([0241]); --allow-spreadsheet-ids takes them as they are.",
    "placeholder": "Leave fields empty that are not known, or give --allow-placeholders if "
    "something really has such an id.",
    "short": "Give --short-lines if their last fields are only empty.",
    "stripped": "Say what takes the place of these parts, or give --allow-stripped-cases.",
    "other_pms": "Check the id of the PMS, or give --allow-other-pms if the cabinet has moved.",
}


def problem_lines(result: Imported, said: Renderer) -> Iterator[str]:
    """Yield what is ignored in a file, and which lines are faulty."""
    ignored = ignored_columns(result.ignored)
    if ignored is not None:
        yield ignored.render(said)
    for fault in result.faults:
        yield fault_line(fault, said)


def fault_line(fault: FaultyLine, said: Renderer) -> str:
    """Return what is wrong with a line of a file."""
    return f"Line {fault.line}: {error_text(fault.error, said)}"


def refusal(result: Imported) -> str:
    """Return why nothing of a file was imported, and what to do."""
    words = f"Nothing was imported: {result.faulty_lines} of {result.rows} lines are faulty."
    return " ".join((words, *(text for cure, text in _CURES.items() if cure in result.cures)))


def counts(result: Imported) -> str:
    """Return how many lines of a file change the registry, or would."""
    did = "changed" if result.written else "would change"
    more = f", {result.faulty_lines} skipped" if result.faults else ""
    changed = f"{result.changed} {did} the registry"
    return f"{counted(result.rows, 'line')}: {changed}, {result.same} say what it has{more}."


def summary_lines(summary: ImportSummary, said: Renderer) -> Iterator[str]:
    """Yield what is new, and what changes its place; nothing where nothing does."""
    new_ones = (
        (summary.sites, "new site"),
        (summary.pmses, "new PMS"),
        (summary.cabinets, "new cabinet"),
    )
    for names, thing in new_ones:
        if names:
            many = counted(len(names), thing).replace("PMSs", "PMSes")
            yield f"{many}: {_named(names)}"
    numbers = ((summary.cases, "new case"), (summary.parts, "new part"))
    if new := ", ".join(counted(number, thing) for number, thing in numbers if number):
        yield new
    if summary.batches:
        yield counted(summary.batches, "new batch").replace("batchs", "batches")
    if summary.moves:
        yield f"{counted(summary.moved, 'known thing')} in another place:"
        yield from (f"  {move.render(said)}" for move in summary.moves[:_MOVES])
    if len(summary.moves) > _MOVES:
        yield f"  … and {len(summary.moves) - _MOVES} more: --dry-run shows each line."
    yield from (detail.render(said) for detail in summary.details[:_MOVES])
    if len(summary.details) > _MOVES:
        yield f"… and {len(summary.details) - _MOVES} more: --dry-run shows each line."


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMES]) + (" …" if len(names) > _NAMES else "")
