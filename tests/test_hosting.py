"""The host's guide is what ``make hosting`` runs: nothing in it is left untried unseen."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tools.hosting import __main__ as script  # noqa: E402 - after the path
from tools.hosting import guide  # noqa: E402

PAGES = [ROOT / "README.md", guide.GUIDE]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_block_of_commands_is_run_or_says_why_not(page: Path) -> None:
    consoles = [block for block in guide.blocks(page) if block.language in {"console", "sh"}]
    assert consoles
    unsaid = [block.text for block in consoles if block.what not in {"run", "not run"}]
    assert unsaid == []
    assert not [block.text for block in consoles if not block.name]


def test_only_what_needs_root_or_a_service_is_not_run_in_the_guide() -> None:
    skipped = [block for block in guide.blocks(guide.GUIDE) if block.what == "not run"]
    others = [
        command.text
        for block in skipped
        if "an example" not in block.name
        for command in block.commands()
        if not command.text.startswith(("sudo apt", "sudo adduser", "sudo systemctl"))
    ]
    assert others == []
    run = [c.text for b in guide.blocks(guide.GUIDE) if b.what == "run" for c in b.commands()]
    examples = [c.text for b in skipped if "an example" in b.name for c in b.commands()]
    assert set(examples) <= set(run), "an example is of a command that is run elsewhere"


def test_each_block_of_a_file_or_unit_is_written_or_started() -> None:
    kinds = {
        block.language: block.what
        for block in guide.blocks(guide.GUIDE)
        if block.language not in {"console", "sh"}
    }
    assert kinds == {"python": "file", "json": "file", "ini": "unit"}


def test_each_check_has_its_block_and_what_a_readme_runs_is_run() -> None:
    run = [block.name for block in guide.blocks(guide.GUIDE) if block.what == "run"]
    assert len(run) == len(set(run))
    assert set(run) >= script.AFTER.keys()
    of_readme = {block.name for block in guide.blocks(PAGES[0]) if block.what == "run"}
    assert of_readme <= set(run)


def test_the_readme_installs_with_the_commands_of_the_guide() -> None:
    commands = {c.text for block in guide.blocks(guide.GUIDE) for c in block.commands()}
    section = PAGES[0].read_text().partition("## For the host")[2]
    lines = [line[2:] for line in section.splitlines() if line.startswith("$ ")]
    assert lines
    assert set(lines) <= commands


def test_the_page_and_the_readme_name_no_index_that_has_the_package() -> None:
    for page in PAGES:
        text = page.read_text()
        assert "pip install flexmeasures-pms" not in text
        assert "pip install --upgrade flexmeasures-pms" not in text


def test_a_command_goes_on_over_lines_and_its_output_is_compared() -> None:
    text = "$ one \\\n    two\nPrinted … 1\nand more\n$ three\n"
    first, second = guide.Block("run", "x", "console", text).commands()
    assert first.text == "one \\\n    two"
    assert first.expected == ("Printed … 1", "and more")
    assert second == guide.Command("three", ())
    assert first.lacking("log\nPrinted this 1\nand more") == []
    assert first.lacking("and more\nPrinted this 1") == ["and more"]
    assert first.lacking("and more") == ["Printed … 1", "and more"]


def test_a_unit_says_what_is_started() -> None:
    text = "[Unit]\nAfter=a\n[Service]\nUser=b\nExecStart=c --d=e\n[Install]\nWantedBy=f\n"
    assert guide.service(text) == {"User": "b", "ExecStart": "c --d=e"}
