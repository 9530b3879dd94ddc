"""Forms of pages as a browser fills them in: what is hidden in them goes along."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


@dataclass
class Form:
    """One form of a page."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select = ""
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").lower()))
        elif self.forms and given.get("name"):
            self._field(tag, given)
        elif tag == "option" and self._select:
            fields = self.forms[-1].fields
            if "selected" in given or self._select not in fields:
                fields[self._select] = given.get("value", "")

    def _field(self, tag: str, given: dict[str, str]) -> None:
        form, name = self.forms[-1], given["name"]
        if given.get("type") == "radio" and "checked" not in given and name in form.fields:
            return
        if tag == "input" and given.get("type") not in ("checkbox", "file"):
            form.fields[name] = given.get("value", "")
        elif tag == "select":
            self._select = name
        elif tag == "textarea":
            self._textarea = name
            form.fields[name] = ""
        elif tag == "button":
            form.buttons.append((name, given.get("value", "")))

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.forms[-1].fields[self._textarea] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""


def forms(text: str) -> list[Form]:
    """Return the forms of a page that change something."""
    reader = _Reader()
    reader.feed(text)
    return [form for form in reader.forms if form.method == "post"]


def submit(client: FlaskClient, text: str, *, sure: bool = False, **values: Any) -> TestResponse:
    """Send the first form of a page with some fields filled in; the others as they are.

    :param sure: by the button that says so.
    """
    form = forms(text)[0]
    unknown = set(values) - set(form.fields) - {"file", "skip", "planned"}
    assert not unknown, f"the form has no {unknown}, but {sorted(form.fields)}"
    pressed = {name: value for name, value in form.buttons if sure and name == "sure"}
    return client.post(form.action, data={**form.fields, **pressed, **values})
