"""Every word of the pages can be read in Bahasa Indonesia, and is marked so that it can."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract
from flask import Flask
from jinja2.ext import babel_extract

import flexmeasures_pms.ui
from flexmeasures_pms.ui.language import words
from flexmeasures_pms.ui.language.sensors import catalogue_words

UI = Path(flexmeasures_pms.ui.__file__).parent
KEYWORDS = {"_": None, "gettext": None, "mark": None, "n_": (1, 2), "ngettext": (1, 2)}
# What the registry and the line tell of a change, the same for the command line.
MARKS = ("message", "message_form", "add_message", "add_unchanged", "word")
TELLING = dict.fromkeys(MARKS)
TELLERS = ("registry", "ingest")
TRANSLATED = [name for name in words.LANGUAGES if name != words.DEFAULT]
# Names, and what is the same in every language.
NO_WORDS = re.compile(r"\b(?:PNG|CSV|PMS|MPPT|PV|EHub|FET|FlexMeasures|sha256)\b")
WORDY = re.compile(r"[A-Za-z]{3}")


def ours(folder: str, pattern: str) -> list[Path]:
    return [p for p in sorted((UI / folder).rglob(pattern)) if "vendor" not in p.parts]


Message = str | tuple[str, str]
"""A message; of a number of things, its singular and plural."""


def messages(path: Path) -> Iterator[Message]:
    """Yield what a file has marked."""
    with path.open("rb") as file:
        texts: list[Any]
        if path.suffix == ".js":
            texts = [text for _, text, *_ in extract("javascript", file, {"t": None})]
        elif path.suffix == ".html":
            found = babel_extract(file, list(KEYWORDS), [], {"silent": "false"})
            texts = [text for _, _, text, _ in found]
        else:
            keywords = KEYWORDS if UI in path.parents else TELLING
            texts = [text for _, text, *_ in extract("python", file, keywords)]
        for text in texts:
            if isinstance(text, tuple):
                one, *many = [part for part in text if isinstance(part, str)]
                yield (one, many[0]) if many else one
            elif isinstance(text, str):
                yield text


def used(*, scripts: bool) -> dict[Message, str]:
    """Return all messages, each with a file that has it."""
    told = [path for name in TELLERS for path in sorted((UI.parent / name).rglob("*.py"))]
    pages = [*ours(".", "*.py"), *ours("templates", "*.html"), *told]
    paths = ours("static/js", "*.js") if scripts else pages
    found = {text: path.name for path in paths for text in messages(path) if text}
    return found if scripts else found | dict.fromkeys(catalogue_words(), "the catalogue")


def translated(language: str, *, scripts: bool) -> dict[Message, tuple[str, ...]]:
    """Return all messages of a language that are translated, each with its forms."""
    found: dict[Message, tuple[str, ...]] = {}
    for message in words.catalog(language, scripts=scripts):
        text, string = message.id, message.string
        forms = (string,) if isinstance(string, str) else tuple(string or ("",))
        if text and all(forms):
            found[text if isinstance(text, str) else (text[0], text[1])] = forms
    return found


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("scripts", [False, True], ids=["pages", "scripts"])
def test_no_message_lacks_a_translation(language: str, scripts: bool) -> None:
    known = translated(language, scripts=scripts)
    lacking = {text: where for text, where in used(scripts=scripts).items() if text not in known}
    assert lacking == {}, f"add them to a file of ui/language/{language}/"


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("scripts", [False, True], ids=["pages", "scripts"])
def test_no_translation_is_of_what_nobody_says(language: str, scripts: bool) -> None:
    assert set(translated(language, scripts=scripts)) - set(used(scripts=scripts)) == set()


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("scripts", [False, True], ids=["pages", "scripts"])
def test_a_translation_has_the_placeholders_of_its_message(language: str, scripts: bool) -> None:
    for message, forms in translated(language, scripts=scripts).items():
        text = message if isinstance(message, str) else message[-1]
        assert [placeholders(form) for form in forms] == [placeholders(text)] * len(forms), text


def test_the_messages_are_found() -> None:
    assert "Skip to the content" in used(scripts=False)
    assert "{n} s ago" in used(scripts=False)
    assert "Swapped {old} for {new} in {place}, {period}." in used(scripts=False)
    assert "Live" in used(scripts=True)


class Unmarked(HTMLParser):
    """Collects words that stand in a template as they are."""

    ATTRIBUTES = ("title", "aria-label", "placeholder", "alt")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("script", "style")
        for name, value in attrs:
            if name in self.ATTRIBUTES:
                self.note(value or "")

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.note(data)

    def note(self, text: str) -> None:
        # What a macro makes of attributes looks like text once its expressions are taken out.
        written = NO_WORDS.sub("", re.sub(r"[a-z]+-(?!\w)", "", text))
        if WORDY.search(written) and '=""' not in text:
            self.found.append(text.strip())


@pytest.mark.parametrize("path", ours("templates", "*.html"), ids=lambda path: path.name)
def test_no_words_stand_in_a_template_unmarked(path: Path) -> None:
    parser = Unmarked()
    parser.feed(re.sub(r"(?s)\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "", path.read_text()))
    assert parser.found == []


@pytest.mark.parametrize("path", ours("static/js", "*.js"), ids=lambda path: path.name)
def test_no_words_of_a_script_are_shown_unmarked(path: Path) -> None:
    shown = re.compile(
        r"""(?:\.(?:textContent|title|placeholder|ariaLabel)\s*=|"aria-label",|\balert\()\s*"""
        r"""(["'`])(?P<text>[^"'`]*)\1"""
    )
    text = re.sub(r"\$\{[^}]*\}", "", path.read_text())
    found = [match["text"] for match in shown.finditer(text)]
    assert [text for text in found if WORDY.search(NO_WORDS.sub("", text))] == []


POLISH = r"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\n"
"Plural-Forms: nplurals=3; plural=n==1 ? 0 : n%10>=2 && n%10<=4 ? 1 : 2;\n"

msgid "{n} device"
msgid_plural "{n} devices"
msgstr[0] "{n} urządzenie"
msgstr[1] "{n} urządzenia"
msgstr[2] "{n} urządzeń"
"""


def test_a_language_has_the_plural_forms_that_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pl").mkdir()
    (tmp_path / "pl" / "fleet.po").write_text(POLISH)
    monkeypatch.setattr(words, "FOLDER", tmp_path)
    polish = words.translations.__wrapped__("pl")
    texts = [polish.ngettext("{n} device", "{n} devices", n).format(n=n) for n in (1, 2, 5)]
    assert texts == ["1 urządzenie", "2 urządzenia", "5 urządzeń"]


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_file_of_a_language_has_its_plural_forms(language: str) -> None:
    texts = [path.read_text() for path in (words.FOLDER / language).glob("*.po")]
    headers = [re.findall(r'^"Plural-Forms: .*"$', text, re.MULTILINE) for text in texts]
    assert all(len(found) == 1 for found in headers)
    assert len({found[0] for found in headers}) == 1


def test_english_and_indonesian_count_things(app: Flask) -> None:
    def devices(n: int) -> str:
        return words.ngettext("{n} device", "{n} devices", n)

    with app.test_request_context("/pms?lang=en"):
        assert (devices(1), devices(2)) == ("1 device", "2 devices")
    with app.test_request_context("/pms?lang=id"):
        assert (devices(1), devices(2)) == ("1 perangkat", "2 perangkat")


def test_nothing_is_translated_to_nothing(app: Flask) -> None:
    with app.test_request_context("/pms?lang=id"):
        assert words.gettext("") == ""
