"""All pages and forms that a user comes to, each of a kind once, with what they read."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from re import sub
from urllib.parse import parse_qsl, urlsplit

from flask import Flask
from support import crawl
from support.crawl import Form
from support.inputs import Place
from support.prober import Prober
from support.profiles import FULL, examples
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

ALIKE = 2
"""How many pages of a kind are looked at: with other things on them they may have other links."""


CHOOSE = ("do", "slot", "kind", "live")
"""Parameters that choose another page or form."""

FILL = ("cabinet", "pms")
"""Parameters with which a form has other fields, whatever their value is."""


@dataclass
class Surface:
    """What was found.

    :param urls: pages of each place.
    :param arguments: what the parts of the path of a rule are, for an example.
    :param queries: names in the queries of links, and of forms that are sent with GET.
    """

    urls: dict[Place, list[str]] = field(default_factory=lambda: defaultdict(list))
    forms: dict[tuple[object, ...], list[Form]] = field(default_factory=lambda: defaultdict(list))
    arguments: dict[str, Mapping[str, object]] = field(default_factory=dict)
    queries: dict[Place, set[str]] = field(default_factory=lambda: defaultdict(set))


def rules(app: Flask, blueprint: str) -> list[Rule]:
    """Return the rules of a blueprint."""
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith(f"{blueprint}.")]


def address(rule: Rule, given: Mapping[str, object]) -> str:
    """Return a URL of a rule; an argument that nobody knows an example of is 1."""
    return sub(r"<(?:[^<>]*:)?(\w+)>", lambda found: str(given.get(found[1], 1)), rule.rule)


def place_of(app: Flask, url: str, method: str = "GET") -> Place | None:
    """Return the place of a URL, as :func:`support.inputs.here` does; None without a route."""
    parts = urlsplit(url)
    try:
        endpoint, _arguments = app.url_map.bind("localhost").match(parts.path, method)
    except HTTPException:
        return None
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    kind = query.get("kind", "") if endpoint == "pms_ui.registry_register" else ""
    return method, endpoint, query.get("do", "") or kind


def surface(prober: Prober, app: Flask, *, each: int = 0) -> Surface:
    """Follow links from all pages that need no arguments.

    :param each: how many pages are opened, one for each thing; by default some of a kind.
    """
    found = Surface()
    start = [rule for rule in rules(app, "pms_ui") if not rule.arguments]
    waiting = deque(rule.rule for rule in start if "GET" in (rule.methods or ()))
    seen: dict[object, int] = defaultdict(int)
    known, begun = set(waiting), frozenset(waiting)
    while waiting and (not each or len(seen) < each):
        url = waiting.popleft()
        place = place_of(app, url)
        kind = (place, *_kind(url, each=bool(each)))
        if place is None:
            continue
        found.queries[place] |= {name for name, _ in parse_qsl(urlsplit(url).query, True)}
        if seen[kind] >= (1 if each else ALIKE):
            continue
        seen[kind] += 1
        _note(found, app, place, url)
        reply, page = prober.send("page", "GET", url)
        if reply.status_code in (302, 303):
            page.links.append(reply.location)
        elif reply.status_code != 200:
            # A page of its own may need parameters; a link has them.
            if url not in begun:
                prober.faults.append(f"{reply.status_code} {url} of a link")
            continue
        for form in page.forms:
            _note_form(found, app, form)
        for link in page.links:
            target = crawl.ours(url, link)
            if target is not None and target not in known:
                known.add(target)
                waiting.append(target)
    return found


def _kind(url: str, *, each: bool) -> tuple[str, ...]:
    """Return what tells a page from others of its place.

    :param each: whether each thing is of a kind of its own, and forms are none.
    """
    parts = urlsplit(url)
    path = parts.path if each else "/".join(parts.path.split("/")[2:4])
    query = () if each else parse_qsl(parts.query)
    chosen = [f"{n}={v}" for n, v in query if n in CHOOSE] + [n for n, _v in query if n in FILL]
    return (path if each or "registry" in path else "", *sorted(chosen))


def _note(found: Surface, app: Flask, place: Place, url: str) -> None:
    found.urls[place].append(url)
    rule, arguments = app.url_map.bind("localhost").match(urlsplit(url).path, return_rule=True)
    found.arguments.setdefault(rule.rule, arguments)


def _note_form(found: Surface, app: Flask, form: Form) -> None:
    place = place_of(app, form.action, form.method)
    if place is None:
        return
    if form.method == "GET":
        found.queries[place] |= set(form.fields)
        return
    if form.fields.keys() <= {"csrf_token"}:
        return  # a list with nothing in it
    slot = form.fields.get("slot")
    chosen = slot.values if slot else ()
    # The same form about another kind of thing is another form, but alike.
    path = urlsplit(form.action).path.split("/")[3:4]
    kind = path if examples(100) >= FULL and place[1] == "pms_ui.registry_thing" else []
    key = (place, *sorted(form.fields), *chosen, *kind)
    found.forms[key].append(form)
