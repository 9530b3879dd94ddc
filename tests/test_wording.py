"""Texts use plain, current English: wordings that were replaced do not come back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import flexmeasures_pms

HERE = Path(__file__).parent
PACKAGE = Path(flexmeasures_pms.__file__).parent
FOLDERS = (PACKAGE, HERE, *(HERE.parent / name for name in ("docs", "benchmarks", "tools")))
SUFFIXES = {".py", ".md", ".html", ".js", ".po"}
# The files of other projects, and this list.
NOT_OURS = ("vendor", "node_modules", Path(__file__).name)

REPLACED = {
    r"That is all on a machine": "This is the only command you need, given ...",
    r"\bat will\b": "retries are safe",
    r"\breckon": "estimate, calculate, count",
    r"What was measured is said to be": "Measured figures are marked",
    r"\bnobody's (failure|fault)\b": "uses at most one attempt",
    r"\bthe matter\b": "health state, finding",
    r"\bout of the ordinary\b": "normal",
    r"\bbefall": "service and retirement, what happens to",
    r"\bso be it\b": "may exceed this",
    r"\b(whosever|whosoever)\b": "no access check",
    r"\bkeeps? (it|them) not\b": "uncached",
    r"\bwithout further ado\b": "automatically",
    r"\b[Mm]end the\b": "fix, correct",
    r"\bNot for you\b": "Access denied",
    r"\bNot now\b": "Temporarily unavailable",
    r"\bThat did not work\b": "Request failed",
    r"\bnobody foresaw\b": "unexpected error",
    r"\bgoes in nothing\b": "can't be installed in anything",
    r"\bids don't tell\b": "give --account",
    r"\bgoes without saying\b": "is clear",
}


def texts() -> Iterator[Path]:
    yield from HERE.parent.glob("*.md")
    for folder in FOLDERS:
        for path in sorted(folder.rglob("*")):
            if path.suffix in SUFFIXES and not set(NOT_OURS) & set(path.parts):
                yield path


@pytest.fixture(scope="module")
def contents() -> dict[Path, str]:
    # A wording may be broken over two lines, of a comment too.
    return {path: re.sub(r"\s*\n[\s#*/]*", " ", path.read_text()) for path in texts()}


@pytest.mark.parametrize("wording", REPLACED)
def test_a_replaced_wording_is_not_used(contents: dict[Path, str], wording: str) -> None:
    found = [str(path) for path, text in contents.items() if re.search(wording, text)]
    assert found == [], f"write instead: {REPLACED[wording]}"


def test_the_texts_are_found(contents: dict[Path, str]) -> None:
    suffixes = {path.suffix for path in contents}
    assert suffixes == SUFFIXES
