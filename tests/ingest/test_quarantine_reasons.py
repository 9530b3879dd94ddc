"""Every reason for which a sample can wait is explained, with what releases it."""

from __future__ import annotations

import ast
import inspect
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import flexmeasures_pms
from flexmeasures_pms.ingest.quarantine_reasons import REASONS, reason_of
from flexmeasures_pms.wire.draft import Draft

PACKAGE = Path(flexmeasures_pms.__file__).parent
# The functions, by module, whose problems only go to a receipt's warnings.
WARNS = {("flapping", "warning"), ("request_warnings", "_warning")}
# Problems that put no sample into quarantine: they refuse a whole body, are warnings, or say
# that a sample was not kept.
OTHERS = {
    *("misshapen", "old_shape", "surplus_value", "out_of_scope"),
    *("faulty_value", "unknown_status", "zero_padded_twin", "mixed_signs"),
    *("quarantine_full", "sample_too_large"),
}
EXPECTED = {
    "registration": {"unknown_pack", "unknown_device"},
    "time": {"time_out_of_range"},
    "person": {
        *("conflict", "status_conflict", "invalid_time", "missing_time", "missing_pack_id"),
        *("missing_device_id", "contradicting_values", "invalid_value", "unreadable_sample"),
        "retracted",
    },
}


def outside_warnings(node: ast.AST, path: Path) -> Iterator[ast.AST]:
    """All nodes of a module but those of the functions that make warnings."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.FunctionDef) and (path.stem, child.name) in WARNS):
            yield from outside_warnings(child, path)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def all_calls() -> dict[str, list[tuple[Path, ast.Call]]]:
    """The calls of the package by the name of what is called."""
    found: dict[str, list[tuple[Path, ast.Call]]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in outside_warnings(tree(path), path):
            if isinstance(node, ast.Call):
                function = node.func
                called = getattr(function, "attr", None) or getattr(function, "id", None)
                found[str(called)].append((path, node))
    return found


def calls(name: str) -> list[tuple[Path, ast.Call]]:
    return all_calls().get(name, [])


def texts(node: ast.AST | None, path: Path, seen: frozenset[str] = frozenset()) -> set[str]:
    """The texts that an expression may give: its own, or those given to its function.

    :param seen: names whose texts are looked for already.
    """
    if node is None:
        return set()
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.IfExp):
        return texts(node.body, path, seen) | texts(node.orelse, path, seen)
    if isinstance(node, ast.Name) and node.id not in seen:
        return named(node.id, path, seen | {node.id})
    return set()


def named(name: str, path: Path, seen: frozenset[str]) -> set[str]:
    """The texts that a module assigns to a name, or passes for a parameter of this name."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Assign) and name in [getattr(t, "id", "") for t in node.targets]:
            found |= texts(node.value, path, seen)
        elif isinstance(node, ast.FunctionDef):
            names = [arg.arg for arg in node.args.args if arg.arg != "self"]
            if name in names:
                place = names.index(name)
                for where, call in calls(node.name):
                    if where == path and len(call.args) > place:
                        found |= texts(call.args[place], path, seen)
    return found


def codes() -> dict[str, set[str]]:
    """All codes of problems, each with the modules that have it."""
    found: dict[str, set[str]] = {}
    for path, call in calls("Problem"):
        given = {word.arg: word.value for word in call.keywords}.get("code")
        node = call.args[1] if len(call.args) > 1 else given
        for code in texts(node, path):
            found.setdefault(code, set()).add(path.stem)
    for path, call in calls("refuse"):
        for word in call.keywords:
            for code in texts(word.value, path) if word.arg == "code" else ():
                found.setdefault(code, set()).add(path.stem)
    for path, call in calls("spoil"):
        for code in texts(call.args[1], path):
            found.setdefault(code, set()).add(path.stem)
    default = inspect.signature(Draft.refuse).parameters["code"].default
    return found | {default: {"draft"}}


def test_every_reason_in_the_code_is_explained() -> None:
    lacking = {code: where for code, where in codes().items() if code not in {*REASONS, *OTHERS}}
    assert lacking == {}, "add them to ingest/quarantine_reasons.py"


def test_the_codes_are_found() -> None:
    found = codes()
    for code in {*REASONS, *OTHERS}:
        assert code in found, code


@pytest.mark.parametrize("release", EXPECTED)
def test_each_reason_says_what_releases_it(release: str) -> None:
    assert {code for code, reason in REASONS.items() if reason.release == release} == (
        EXPECTED[release]
    )


def test_each_reason_tells_people_what_to_do() -> None:
    for code, reason in REASONS.items():
        assert reason.title, code
        said = {"registration": "egister the", "time": "again when", "person": "discard"}
        assert said[reason.release] in reason.advice, code


def test_a_reason_of_an_earlier_version_is_shown_too() -> None:
    assert reason_of("odd_reason").title == "Odd reason"
    assert reason_of("odd_reason").release == "person"


def test_each_reason_is_documented() -> None:
    text = (PACKAGE.parent / "docs" / "hosting.md").read_text()
    assert [code for code in REASONS if f"`{code}`" not in text] == []
