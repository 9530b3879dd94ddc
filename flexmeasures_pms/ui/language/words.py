"""The language of a page: English in the source, others in ``<language>/*.po``.

``_("{count} packs", count=3)`` in Python and templates; ``t("…")`` in scripts, whose words
are in the files ``*.js.po`` and go into the page. Placeholders are named, in braces.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po
from flask import g, has_request_context, request

FOLDER = Path(__file__).parent
LANGUAGES: Mapping[str, str] = {"en": "English", "id": "Bahasa Indonesia"}
DEFAULT = "en"
PARAMETER, COOKIE = "lang", "pms_lang"


def language() -> str:
    """Return the language of the current request, or English where there is none.

    ``?lang=`` decides, then what was chosen before, then what the browser asks for.
    """
    if not has_request_context():
        return DEFAULT
    if "pms_language" not in g:
        asked = (request.args.get(PARAMETER), request.cookies.get(COOKIE))
        chosen = next((name for name in asked if name in LANGUAGES), None)
        g.pms_language = chosen or request.accept_languages.best_match(LANGUAGES) or DEFAULT
    found: str = g.pms_language
    return found


def gettext(message: str, /, **values: object) -> str:
    """Return a message in the language of the request, with its placeholders filled."""
    text = catalogue(language()).get(message) or message
    return text.format(**values) if values else text


def ngettext(one: str, many: str, n: int, /, **values: object) -> str:
    """Return the message for a number of things; ``{n}`` is the number.

    A translation has one form for all numbers, under the English plural.
    """
    text = catalogue(language()).get(many) or (one if n == 1 else many)
    return text.format(n=n, **values)


def mark(message: str, /) -> str:
    """Mark a message that is translated later, where it is shown, and return it as it is."""
    return message


@cache
def catalogue(name: str, *, scripts: bool = False) -> Mapping[str, str]:
    """Return the messages of a language, those of scripts or all others."""
    found: dict[str, str] = {}
    for path in sorted((FOLDER / name).glob("*.po")):
        if path.name.endswith(".js.po") is scripts:
            with path.open("rb") as file:
                for message in read_po(file, locale=name):
                    if message.id and isinstance(message.string, str) and message.string:
                        found[str(message.id)] = message.string
    return found


_ = gettext
n_ = ngettext
