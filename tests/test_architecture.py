"""The page about the architecture names files that exist, and every package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import flexmeasures_pms

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "architecture.md"
PACKAGE = Path(flexmeasures_pms.__file__).parent


def named_files() -> list[str]:
    return sorted(set(re.findall(r"`((?:flexmeasures_pms|tests)/[^`]+\.py)`", PAGE.read_text())))


def test_each_step_has_a_file_and_a_test() -> None:
    steps = re.findall(r"^\| \d+\. .*", PAGE.read_text(), re.MULTILINE)
    assert len(steps) == 18
    for step in steps:
        _, _, file, test, _ = step.split("|")
        assert re.fullmatch(r" `flexmeasures_pms/\S+\.py` ", file), step
        assert re.fullmatch(r" `tests/\S+\.py` ", test), step


@pytest.mark.parametrize("name", named_files())
def test_the_files_exist(name: str) -> None:
    # The package may be installed elsewhere than where its tests are.
    home = PACKAGE.parent if name.startswith("flexmeasures_pms/") else ROOT
    assert (home / name).is_file()


def test_every_package_is_explained() -> None:
    folders = {f"{p.parent.name}/" for p in PACKAGE.glob("*/__init__.py")}
    explained = set(re.findall(r"^\| (`[^|]*) \|", PAGE.read_text(), re.MULTILINE))
    words = {word for row in explained for word in re.findall(r"`([^`]+)`", row)}
    assert folders - words == set()
