"""The reference pages say what the code does."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from flask import Flask

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture
def made(app: Flask, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.syspath_prepend(str(DOCS))
    monkeypatch.delitem(sys.modules, "make", raising=False)
    import make

    with app.app_context():
        pages: dict[str, str] = make.pages()
    return pages


@pytest.mark.parametrize("page", ["sensors.md", "settings.md", "commands.md", "openapi.json"])
def test_a_reference_page_is_what_the_code_says(made: dict[str, str], page: str) -> None:
    assert (DOCS / page).read_text() == made[page], "run `make docs`"


def test_every_setting_is_declared_to_flexmeasures() -> None:
    import flexmeasures_pms
    from flexmeasures_pms.config import SETTINGS

    assert list(flexmeasures_pms.__settings__) == [setting.name for setting in SETTINGS]


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize(
    "page", [DOCS.parent / "README.md", *sorted(DOCS.glob("*.md"))], ids=lambda path: path.name
)
def test_links_within_the_documentation_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if "://" in target or DOCS not in path.parents:
            continue
        if not path.is_file() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []
