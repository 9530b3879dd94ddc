"""``make audit`` fails for what is new, what is gone, and what could not be asked."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
HOLE = {"id": "PYSEC-1", "aliases": ["CVE-2026-1"], "fix_versions": ["2.0"], "description": ""}
ENTRY = {"id": "CVE-2026-1", "package": "one", "reason": "unused", "date": date(2026, 11, 28)}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / "tools" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["audit"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pip(*holes: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": [{"name": "one", "version": "1.0", "vulns": list(holes)}]}


def npm(*via: object) -> dict[str, Any]:
    return {"vulnerabilities": {"two": {"via": list(via)}, "three": {"via": ["two"]}}}


def test_a_new_hole_is_told_with_its_fix(audit: ModuleType) -> None:
    (line,) = audit.compare(list(audit.pip_holes(pip(HOLE))), {})
    assert line == (
        "one has a known hole (CVE-2026-1, PYSEC-1), fixed in: 2.0. Upgrade it, or list it."
    )
    hole = {"name": "two", "url": "https://github.com/advisories/GHSA-x", "range": "<3"}
    (found,) = audit.npm_holes(npm(hole, hole))
    assert (found.package, found.ids, found.fix) == ("two", {"GHSA-x"}, "not <3")


def test_a_listed_hole_is_accepted_under_each_of_its_ids(audit: ModuleType) -> None:
    accepted = audit.accepted_ids({"accepted": [ENTRY]})
    assert list(audit.compare(list(audit.pip_holes(pip(HOLE))), accepted)) == []


def test_a_listed_hole_that_is_gone_is_told(audit: ModuleType) -> None:
    (line,) = audit.compare([], audit.accepted_ids({"accepted": [ENTRY]}))
    assert line == "one has CVE-2026-1 no more: remove it from audit.toml."


def test_what_could_not_be_asked_is_no_proof(audit: ModuleType) -> None:
    skipped = {"dependencies": [{"name": "one", "skip_reason": "not found"}]}
    with pytest.raises(audit.AuditError, match="could not look up 1 packages"):
        list(audit.pip_holes(skipped))
    with pytest.raises(audit.AuditError, match="405 Method Not Allowed"):
        list(audit.npm_holes({"message": "405 Method Not Allowed"}))
    with pytest.raises(audit.AuditError, match="gave no answer"):
        audit.run([sys.executable, "-c", "print('no JSON')"], ROOT)


@pytest.mark.parametrize("lacking", ["id", "package", "reason", "date"])
def test_an_entry_needs_all_its_parts(audit: ModuleType, lacking: str) -> None:
    entry = {name: value for name, value in ENTRY.items() if name != lacking}
    with pytest.raises(audit.AuditError, match="lacks"):
        audit.accepted_ids({"accepted": [entry]})


def test_the_list_can_be_read(audit: ModuleType) -> None:
    audit.accepted_ids(tomllib.loads((ROOT / "audit.toml").read_text()))
