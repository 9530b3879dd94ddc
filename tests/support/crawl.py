"""Finding the pages, links and forms that a logged-in user comes to, as a browser would."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, quote, urldefrag, urlencode, urljoin, urlsplit

from support.hostile import MARK, Value

ROOT = "/pms"
FILES = "/pms/static/"
BOUNDARY = "a-boundary-of-the-tests"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form.

    :param kind: its element, or for an input its type.
    :param values: what it can be: the chosen one first.
    """

    name: str
    kind: str
    values: tuple[str, ...]
    required: bool = False
    sent: bool = True


@dataclass
class Form:
    """A form of a page, with its buttons as fields.

    :param page: where it is.
    """

    page: str
    action: str
    method: str
    files: bool = False
    fields: dict[str, Field] = field(default_factory=dict)

    def add(self, one: Field) -> None:
        """Add a field, or another value of one."""
        known = self.fields.get(one.name)
        if known is not None:
            chosen, other = (one, known) if one.sent and not known.sent else (known, one)
            one = replace(chosen, values=(*chosen.values, *other.values))
        self.fields[one.name] = one


@dataclass
class PageContent:
    """What a page has: links, forms, and what only a value taken for markup can make."""

    links: list[str] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    injected: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.found = PageContent()
        self._form: Form | None = None
        self._select: tuple[str, bool] | None = None
        self._options: list[str] = []
        self._area: tuple[str, bool] | None = None
        self._text = ""
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._check(tag, given)
        self._script = tag == "script" and "json" not in given.get("type", "")
        for name, value in given.items():
            if tag != "form" and (name == "href" or value.startswith(ROOT)):
                self.found.links.append(value)
        if tag == "form":
            action = urljoin(self.url, given.get("action") or self.url)
            files = given.get("enctype", "").startswith("multipart")
            self._form = Form(self.url, action, given.get("method", "get").upper(), files)
            self.found.forms.append(self._form)
        elif tag == "option" and self._select:
            chosen = "selected" in given
            self._options.insert(0 if chosen else len(self._options), given.get("value", ""))
        elif self._form is not None and given.get("name"):
            self._add(self._form, tag, given)

    def _check(self, tag: str, given: dict[str, str]) -> None:
        bad = tag == MARK or MARK in given or "%7*7" in tag
        for name, value in given.items():
            script = value.strip().lower().startswith("javascript:")
            bad |= MARK in value and (name.startswith("on") or (script and name in _ADDRESSES))
        if bad:
            self.found.injected.append(f"<{tag} {given}>"[:200])

    def _add(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name, value = given["name"], given.get("value", "")
        kind = given.get("type", "text") if tag == "input" else tag
        if tag == "select":
            self._select, self._options = (name, "required" in given), []
        elif tag == "textarea":
            self._area, self._text = (name, "required" in given), ""
        elif tag == "button" and given.get("type", "submit") != "submit":
            return
        else:
            box = kind in ("checkbox", "radio")
            sent = "checked" in given if box else kind not in ("button", "file")
            value = value or ("on" if box else "")
            form.add(Field(name, kind, (value,), "required" in given, sent))

    def handle_data(self, data: str) -> None:
        if self._script and f"{MARK}()" in data:
            self.found.injected.append(f"<script>{data[:150]}")
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select" and self._select and self._form is not None:
            name, required = self._select
            self._form.add(Field(name, "select", tuple(self._options), required))
            self._select = None
        elif tag == "textarea" and self._area and self._form is not None:
            name, required = self._area
            self._form.add(Field(name, "textarea", (self._text,), required))
            self._area = None
        self._script = False


_ADDRESSES = ("href", "src", "action", "formaction")


def read(url: str, text: str) -> PageContent:
    """Return what a page has."""
    reader = _Reader(url)
    reader.feed(text)
    reader.close()
    return reader.found


def ours(url: str, link: str) -> str | None:
    """Return a link of a page as a path with its query, or None for one that leads elsewhere."""
    whole = urldefrag(urljoin(url, link)).url
    parts = urlsplit(whole)
    if parts.netloc or not re.match(rf"{ROOT}(/|\?|$)", whole) or whole.startswith(FILES):
        return None
    return None if whole.startswith("/pms/api/") else whole


def with_query(url: str, name: str, quoted: str) -> str:
    """Return a URL in which a parameter has a value that is quoted already."""
    path, _, query = url.partition("?")
    kept = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != name]
    return f"{path}?{'&'.join(filter(None, [urlencode(kept), f'{name}={quoted}']))}"


EXAMPLES: Mapping[str, str] = {
    "note": "a reason", "place": "9", "place cabinet": "4", "docks": "16",
    "since": "2026-02-01T00:00", "latitude": "-6.2", "longitude": "106.8",
}  # fmt: skip
"""What is put into empty fields, of a kind of thing or of any, so that a form can be sent, and
changes something."""

NEEDED: Mapping[str, str] = {"into": "PMS-1-A", "pms": "PMS-1", "into acquisition-board": "0245"}
"""What is put into required fields that are empty; into others an id that nothing has."""


Entries = list[tuple[str, Value]]
"""What a form is sent with: (name, value), in order."""


def filled(form: Form, unique: str, file: str) -> Entries:
    """Return a form's entries as a user would make them: what is needed, and nothing else.

    :param unique: an id that nothing has.
    """
    entries: Entries = []
    (kind,) = urlsplit(form.action).path.split("/")[3:4] or ("",)
    for one in form.fields.values():
        if one.name == "refresh":
            continue  # a button that only asks anew
        value = one.values[0] if one.values else ""
        if one.kind == "file":
            value = file
        elif one.kind in ("checkbox", "radio") and not one.sent:
            if one.name != "id":  # something has to be ticked where that is what it is for
                continue
        elif not value and one.name in EXAMPLES:
            value = EXAMPLES.get(f"{one.name} {kind}") or EXAMPLES[one.name]
        elif not value and one.required:
            value = NEEDED.get(f"{one.name} {kind}") or NEEDED.get(one.name, unique)
        entries.append((one.name, Value(value)))
    return entries


def changed(entries: Entries, name: str, *values: Value) -> Entries:
    """Return entries in which one has another value, or several."""
    kept = [entry for entry in entries if entry[0] != name]
    return [*kept, *((name, value) for value in values)]


def sending(form: Form, entries: Entries, file: str = "f.csv") -> dict[str, Any]:
    """Return a form's entries as arguments of a request of the test client."""
    if not form.files:
        body = "&".join(f"{quote(name)}={value.quoted()}" for name, value in entries)
        return {"data": body, "content_type": "application/x-www-form-urlencoded"}
    parts = []
    for name, value in entries:
        one = form.fields.get(name)
        more = f'; filename="{file}"' if one is not None and one.kind == "file" else ""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
        parts.append(f"{head}{value.text}\r\n")
    body = "".join([*parts, f"--{BOUNDARY}--\r\n"])
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return {"data": body.encode("utf-8", "surrogatepass"), "content_type": kind}
