"""Control characters in requests: no id or note has any, and the database takes no NUL."""

from __future__ import annotations

from collections.abc import Iterable

from flask import request

from flexmeasures_pms.identifiers import control_character

MULTILINE = frozenset({"note", "findings", "measured"})
"""The form fields that may have lines."""

_LINES = str.maketrans("", "", "\r\n\t")

CharacterFound = tuple[str, str]
"""What has a control character, and which: ``("q", "U+0000")``; the path has no name."""


def in_url() -> CharacterFound | None:
    """Return the first control character of the request's path and query, or None."""
    pairs = request.args.items(multi=True)
    return _first([("", request.path), *_names_and_values(pairs)])


def in_form() -> CharacterFound | None:
    """Return the first control character of the request's form, or None; files have names only."""
    files = ((name, file.filename or "") for name, file in request.files.items(multi=True))
    sent = (
        (name, text.translate(_LINES) if name in MULTILINE else text)
        for name, text in request.form.items(multi=True)
    )
    return _first(_names_and_values([*sent, *files]))


def _names_and_values(pairs: Iterable[tuple[str, str]]) -> Iterable[CharacterFound]:
    for name, value in pairs:
        yield name, name
        yield name, value


def _first(texts: Iterable[CharacterFound]) -> CharacterFound | None:
    for name, text in texts:
        if character := control_character(text):
            return "".join(c if c.isprintable() else "?" for c in name[:40]), character
    return None
