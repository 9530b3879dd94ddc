"""Modules and types have plain names of the field, and each type one of its own."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import flexmeasures_pms

PACKAGE = Path(flexmeasures_pms.__file__).parent

# Names that had to be explained; what they are called now is in docs/glossary.md or in the
# place itself.
RETIRED = {
    *("registry.book", "registry.ledger", "registry.held", "registry.nearby", "registry.memory"),
    *("registry.reading", "registry.telling", "registry.repeats", "registry.reported"),
    *("registry.editing.book", "registry.editing.ledger", "registry.editing.reported"),
    *("registry.editing.repeats", "registry.loading.held", "registry.loading.nearby"),
    *("registry.loading.memory", "registry.loading.reading", "registry.messages.telling"),
    *("gateways.book", "storage.ledger", "storage.repeats", "storage.intake.ledger"),
    *("storage.readings.repeats", "ingest.line", "ingest.settle", "ingest.moves"),
    *("overview.past", "overview.past_record", "overview.squares", "overview.standing_out"),
    *("overview.tenants", "overview.whereabouts", "overview.newcomers"),
    *("ui.asked", "ui.charted", "ui.page.asked", "ui.page.charted", "ui.registry.said"),
    *("ui.registry.parcel", "ui.registry.story", "ui.registry.shelf", "ui.registry.enrolment"),
    *("ui.registry.telling", "serving.patience"),
    *("Book", "Ledger", "Held", "Told", "Voice", "Newcomer", "Stranger", "Fate", "Hours"),
    *("Refusal", "Charted", "Parcel", "Shelf", "Square", "Past", "Tenant", "Settled"),
    *("overlay.Journal", "settle", "carry_out", "tell", "telling", "said"),
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield each module's name below the package, and its code."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if "scripts" not in path.parts:
            name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
            yield name.removesuffix(".__init__"), ast.parse(path.read_text())


def definitions(tree: ast.Module) -> Iterator[str]:
    """Yield the names of classes and functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name


def types(tree: ast.Module) -> Iterator[str]:
    """Yield the names of a module's classes and type aliases."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name[0].isupper() and not name.isupper() and len(name) > 1:
                yield name


def test_no_retired_name_is_used() -> None:
    found = set()
    for module, tree in modules():
        last = module.rsplit(".", 1)[-1]
        names = {module, *definitions(tree), *(f"{last}.{name}" for name in definitions(tree))}
        found |= {f"{module}: {name}" for name in names & RETIRED}
    assert found == set()


def test_each_type_has_a_name_of_its_own() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for module, tree in modules():
        for name in types(tree):
            if not name.startswith("_"):
                places[name].append(module)
    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert twice == {}
