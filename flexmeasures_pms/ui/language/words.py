"""The language of a page: English in the source, others in ``<language>/*.po``.

``_("{count} packs", count=3)`` in Python and templates; ``t("…")`` in scripts, whose words
are in the files ``*.js.po`` and go into the page. Placeholders are named, in braces.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
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
    known: str | None = g.get("pms_language")  # asked once: a page has some thousand texts
    return known or _chosen()


def _chosen() -> str:
    asked = (request.args.get(PARAMETER), request.cookies.get(COOKIE))
    chosen = next((name for name in asked if name in LANGUAGES), None)
    found: str = chosen or request.accept_languages.best_match(LANGUAGES) or DEFAULT
    g.pms_language = found
    return found


def gettext(message: str, /, **values: object) -> str:
    """Return a message in the language of the request, with its placeholders filled."""
    # Translations keep the header of their files as that of the empty message.
    text = translations(language()).gettext(message) if message else ""
    return text.format(**values) if values else text


def ngettext(one: str, many: str, n: int, /, **values: object) -> str:
    """Return the message for a number of things; ``{n}`` is the number."""
    text = translations(language()).ngettext(one, many, n)
    return text.format(n=n, **values)


def mark(message: str, /) -> str:
    """Mark a message that is translated later, where it is shown, and return it as it is."""
    return message


@cache
def translations(name: str) -> Translations:
    """Return the texts of pages in a language. English needs none: messages are English."""
    compiled = BytesIO()
    write_mo(compiled, catalog(name))
    compiled.seek(0)
    return Translations(compiled)


@cache
def script_texts(name: str) -> Mapping[str, str]:
    """Return the texts of scripts in a language, by their English messages."""
    messages = catalog(name, scripts=True)
    return {
        str(message.id): str(message.string)
        for message in messages
        if message.id and message.string
    }


def catalog(name: str, *, scripts: bool = False) -> Catalog:
    """Read the messages of a language, those of scripts or all others."""
    found = Catalog(locale=name)
    for path in sorted((FOLDER / name).glob("*.po")):
        if path.name.endswith(".js.po") is scripts:
            with path.open("rb") as file:
                part = read_po(file, locale=name)
            # Babel does not know the plural forms of every language: the files have them.
            found.mime_headers = [("Plural-Forms", part.plural_forms)]
            for message in part:
                if message.id:
                    found[message.id] = message
    return found


_ = gettext
n_ = ngettext
