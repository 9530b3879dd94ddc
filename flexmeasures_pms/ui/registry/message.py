"""The registry's messages in the user's language and the site's time zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.importing.columns import ignored_columns
from flexmeasures_pms.registry.importing.import_summary import ImportSummary
from flexmeasures_pms.registry.importing.importer import Imported
from flexmeasures_pms.registry.importing.rows import FaultyLine
from flexmeasures_pms.registry.messages.message import Message, PlaceText, Renderer
from flexmeasures_pms.ui.language import figures
from flexmeasures_pms.ui.language.words import _, mark, n_

FACTS = (
    *(mark("or"), mark("and"), mark("id"), mark("part"), mark("docks"), mark("timezone")),
    *(mark("latitude"), mark("longitude"), mark("parent asset"), mark("address"), mark("contact")),
)
"""Parts of the registry's sentences, for translators."""

_NAMES = 8
_CURES: Mapping[str, str] = {
    "similar": mark("Spreadsheets drop leading zeros: write ids as they are registered, or tick "
                    "that these are other things."),
    "spreadsheet": mark("Format columns of ids as text in a spreadsheet, or write them in "
                        "brackets ([0241]), or tick that they are spelled so."),
    "placeholder": mark("Leave fields empty that are not known, or tick that something really "
                        "has such an id."),
    "short": mark("Tick that lines may lack their last fields if these are only empty."),
    "stripped": mark("Say what takes the place of these parts, or tick that nothing does."),
    "other_pms": mark("Check the id of the PMS, or tick that the cabinet may move."),
}  # fmt: skip
"""What to do about faulty lines, by the codes of their errors."""


def rendered(sentences: Iterable[Message], zone: str) -> tuple[str, ...]:
    """Return what was done as text."""
    renderer = _renderer(zone)
    return tuple(sentence.render(renderer) for sentence in sentences)


def rendered_place(place: PlaceText) -> str:
    """Return where something is as text; no time stands in it."""
    return place.render(_renderer("UTC"))


def wrong(error: RegistryError, zone: str) -> str:
    """Return what is wrong, without what to do about it at the command line."""
    if isinstance(error.what, Message):
        return error.what.render(_renderer(zone))
    return str(error.what)


def faults(lines: Iterable[FaultyLine], zone: str) -> tuple[str, ...]:
    """Return what is wrong with lines of a file."""
    return tuple(_("Line {n}: {said}", n=one.line, said=wrong(one.error, zone)) for one in lines)


def refusal(result: Imported) -> str:
    """Return why nothing of a file was imported."""
    return n_(
        "Nothing was imported: {faulty} of {n} line is faulty.",
        "Nothing was imported: {faulty} of {n} lines are faulty.",
        result.rows,
        faulty=result.faulty_lines,
    )


def cures(result: Imported) -> tuple[str, ...]:
    """Return what can be done about the faulty lines of a file, besides leaving them out."""
    return tuple(_(text) for cure, text in _CURES.items() if cure in result.cures)


def ignored(result: Imported, zone: str) -> str:
    """Return which columns of a file are ignored."""
    said = ignored_columns(result.ignored)
    return "" if said is None else said.render(_renderer(zone))


def outline(changes: ImportSummary, zone: str) -> tuple[str, ...]:
    """Return what of a file is new, and what changes its place or details."""
    new = []
    if names := changes.sites:
        shown = _named(names)
        new.append(n_("{n} new site: {names}", "{n} new sites: {names}", len(names), names=shown))
    if names := changes.pmses:
        said = n_("{n} new PMS: {names}", "{n} new PMSes: {names}", len(names), names=_named(names))
        new.append(said)
    if names := changes.cabinets:
        shown = _named(names)
        said = n_("{n} new cabinet: {names}", "{n} new cabinets: {names}", len(names), names=shown)
        new.append(said)
    if changes.cases:
        new.append(n_("{n} new case", "{n} new cases", changes.cases))
    if changes.parts:
        new.append(n_("{n} new part", "{n} new parts", changes.parts))
    return (*new, *rendered((*changes.moves, *changes.details), zone))


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMES]) + (" …" if len(names) > _NAMES else "")


def summary(result: Imported) -> str:
    """Return the result of a file, or of its preview."""
    counts = {"changed": result.changed, "same": result.same}
    if result.written:
        said = n_(
            "{n} line: {changed} changed the registry, {same} say what it has.",
            "{n} lines: {changed} changed the registry, {same} say what it has.",
            result.rows,
            **counts,
        )
    else:
        said = n_(
            "{n} line: {changed} would change the registry, {same} say what it has.",
            "{n} lines: {changed} would change the registry, {same} say what it has.",
            result.rows,
            **counts,
        )
    if not result.faults:
        return said
    left_out = n_("{n} faulty line.", "{n} faulty lines.", result.faulty_lines)
    return f"{said} {left_out}"


def _renderer(zone: str) -> Renderer:
    return Renderer(_, partial(figures.moment, zone=zone), _counted)


def _counted(number: int, thing: str) -> str:
    said = f"{number} {thing}"
    match thing:
        case "sample":
            said = n_("{n} sample", "{n} samples", number)
        case "belief":
            said = n_("{n} belief", "{n} beliefs", number)
        case "FlexMeasures asset":
            said = n_("{n} FlexMeasures asset", "{n} FlexMeasures assets", number)
        case "case":
            said = n_("{n} case", "{n} cases", number)
        case "thing":
            said = n_("{n} thing", "{n} things", number)
        case "other thing":
            said = n_("{n} other thing", "{n} other things", number)
    return said
