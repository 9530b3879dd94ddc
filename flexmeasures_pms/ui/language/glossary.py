"""The glossary of the pages: the terms that they use, in the language of the request.

Each language has them in ``<language>/glossary.md``, a heading and a paragraph for each. The
English ones are those of ``docs/glossary.md``: `make docs` copies them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markupsafe import Markup, escape

from flexmeasures_pms.ui.language.words import FOLDER

TERMS: tuple[str, ...] = (
    *("acquisition-board", "cabinet", "case", "cell-block", "cell-spread", "charging-status"),
    *("dock", "ehub", "fet", "hot-swap", "inverter", "mppt", "open-cell", "pack", "pms"),
    *("silent", "site", "state-of-charge", "string", "weak-cell", "organisation"),
    *("completeness", "conflict", "duplicate", "late-sample", "quarantine", "receipt", "sample"),
    *("correction", "installation", "registry", "retired"),
    *("batch", "product", "survival", "swap-rate", "unit-year", "warranty"),
)
"""The anchors of the terms that the pages explain, as in ``docs/glossary.md``."""

_TERM = re.compile(r"(?ms)^### (.+?)\n\n(.+?)(?=\n+^##|\Z)")
# The pages have no documents: what these say is left out.
_SEE = re.compile(r":\s+see \[[^\]]+\.md\]\([^)]+\)\.")
_INLINE = re.compile(r"\*(?P<em>[^*]+)\*|`(?P<code>[^`]+)`|\[(?P<text>[^\]]+)\]\((?P<to>[^)]+)\)")


@dataclass(frozen=True, slots=True)
class GlossaryTerm:
    """One term.

    :param anchor: its name in addresses, the same in every language.
    :param text: what it means, as HTML.
    """

    anchor: str
    title: str
    text: Markup


@cache
def glossary(language: str) -> tuple[GlossaryTerm, ...]:
    """Return the terms of a language, in the order of their titles."""
    found = sections((FOLDER / language / "glossary.md").read_text(encoding="utf-8"))
    # A translation has the terms in the order of TERMS: its headings are words of its language.
    terms = zip(TERMS, found.items(), strict=True)
    made = (GlossaryTerm(anchor, title, _html(text)) for anchor, (title, text) in terms)
    return tuple(sorted(made, key=lambda term: term.title.lower()))


def sections(text: str) -> dict[str, str]:
    """Return the terms of a glossary in Markdown: the text of each by its heading."""
    return {title.strip(): body.strip() for title, body in _TERM.findall(text)}


def extract(path: Path) -> str:
    """Return the terms of the pages from the documentation's glossary."""
    found = {title.lower().replace(" ", "-"): (title, text)
             for title, text in sections(path.read_text(encoding="utf-8")).items()}  # fmt: skip
    wanted = (found[anchor] for anchor in TERMS)
    return "\n".join(f"### {title}\n\n{_SEE.sub('.', text)}\n" for title, text in wanted)


def _html(text: str) -> Markup:
    paragraphs = (" ".join(part.split()) for part in text.split("\n\n"))
    return Markup("").join(Markup("<p>{}</p>").format(_inline(part)) for part in paragraphs)


def _inline(text: str) -> Markup:
    """Return a paragraph with its emphasis, code and links to other terms as HTML."""
    made, end = Markup(""), 0
    for found in _INLINE.finditer(text):
        made += escape(text[end : found.start()]) + _marked(found)
        end = found.end()
    return made + escape(text[end:])


def _marked(found: re.Match[str]) -> Markup:
    if found["em"]:
        return Markup("<em>{}</em>").format(found["em"])
    if found["code"]:
        return Markup("<code>{}</code>").format(found["code"])
    if found["to"].removeprefix("#") in TERMS:
        return Markup('<a href="{}">{}</a>').format(found["to"], found["text"])
    return escape(found["text"])
