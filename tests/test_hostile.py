"""Every parameter of every route and form, with values that nobody means.

The routes, parameters and forms are found: in the route table, the source, what the code reads
while it runs, and the pages of a user who may do everything. So a new one is tried too.
``make fuzz`` tries all values and says how many.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from re import findall
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from support import crawl, inputs, surface
from support.crawl import Entries, Form, PageContent
from support.gateways import make_key
from support.hostile import Value, some
from support.inputs import Recorder
from support.prober import Prober, in_environ
from support.profiles import FULL, examples
from support.queue import set_mode
from support.session import log_in
from support.site import Site, commit
from support.surface import Surface, address, rules
from support.telemetry import converter_sample, pack_sample, request
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from flexmeasures_pms.api.routes import ROUTES, openapi_document
from flexmeasures_pms.registry.editing import master_orders
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.order import Order
from flexmeasures_pms.registry.importing.columns import CELL_COLUMNS, COLUMNS
from flexmeasures_pms.storage.intake import quarantine, waiting

POST = "/pms/api/v1/devices/dataset"
OF_CASE = ("pack.id", "board.id", "fet.board.id", *CELL_COLUMNS)
VALUES_TRIED = 8
"""How many values a parameter is tried with in the profile ``full``."""

MakeOrganisation = Callable[..., Organisation]
Body = Mapping[str, Any]


@dataclass
class Plant:
    """An organisation with something of everything that pages show.

    :param receipt: the id of one of its receipts.
    :param more: values that name what another organisation has.
    """

    owner: Organisation
    receipt: int
    more: tuple[Value, ...]
    numbers: Iterator[int] = field(default_factory=count)

    def values(self) -> list[Value]:
        """Return values for the next parameter: one, or in ``make fuzz`` many."""
        most = examples(VALUES_TRIED) if examples(FULL) >= FULL else 1
        return some(next(self.numbers), most, self.more)

    @property
    def cookie(self) -> dict[str, str]:
        """What a browser sends after logging in."""
        return {"Cookie": "=".join(self.owner.cookie)}


MakePlant = Callable[[], Plant]


@pytest.fixture
def make_plant(
    app_context: Flask, client: FlaskClient, make_organisation: MakeOrganisation
) -> MakePlant:
    """Make a plant, always with the same ids, so that any may take the place of another."""
    stranger = make_organisation()
    Site(stranger.id).pms("THEIRS-1")
    theirs = post(client, stranger, "pms", {"pms_id": "THEIRS-1"}, pack_sample("0241"))
    more = tuple(map(Value, ("THEIRS-1", str(stranger.id), str(theirs))))

    def make() -> Plant:
        owner = make_organisation(roles=["account-admin"])
        build(owner)
        return Plant(owner, send_telemetry(app_context, client, owner), more)

    return make


def build(owner: Organisation) -> None:
    site = Site(owner.id)
    with site.at_once() as new:
        new.pms(cabinets=2)
        new.cases({f"024{n}": n for n in range(1, 7)}, "PMS-1-A")
        new.register("case", "0251", "0252")
        new.register("site", "SITE-1")
        new.register("mppt", "MPPT-1")
        new.register("inverter", "INV-1")
        new.register("acquisition-board", *(f"B024{n}" for n in range(1, 5)))
    for n in range(1, 4):
        site.install(("acquisition-board", f"B024{n}"), ("case", f"024{n}"))
    make_key(owner.id, name="North mast")
    supply(owner)


def supply(owner: Organisation) -> None:
    order = Order(Author("test"), None, owner.id)
    commit(master_orders.register_party(order, "Volt Parts", roles=["supplier"]))
    commit(master_orders.register_product(order, "acquisition-board", "Acme", "AB-14"))
    commit(master_orders.register_batch(order, "Acme AB-14", "LOT-7", supplier="Volt Parts"))
    commit(master_orders.procure(order, "B0241", kind="acquisition-board", batch="LOT-7"))


def send_telemetry(app: Flask, client: FlaskClient, owner: Organisation) -> int:
    packs = (pack_sample(f"024{n}") for n in range(1, 7))
    unknown = (pack_sample(f"099{n}") for n in range(9))
    number = post(client, owner, "pms", {"pms_id": "PMS-1"}, *packs, *unknown)
    post(client, owner, "mppt", {"mppt_id": "MPPT-1"}, converter_sample())
    post(client, owner, "inverter", {"inverter_id": "INV-1"}, converter_sample())
    first = waiting.numbers(waiting.QuarantineFilter(owner.id), limit=1)
    quarantine.discard(owner.id, first, author=f"user:{owner.user_id}", note="a <test>")
    set_mode(app, "queued")
    post(client, owner, "pms", {"pms_id": "PMS-1"}, pack_sample("0241"))
    set_mode(app, "direct")
    return number


def post(
    client: FlaskClient, sender: Organisation, dataset: str, head: dict[str, Any], *samples: Any
) -> int:
    reply = client.post(
        f"{POST}/{dataset}",
        data=request(head, *samples),
        headers=sender.headers,
        content_type="application/json",
    )
    assert reply.status_code in (200, 202), reply.get_data(as_text=True)
    number: int = reply.get_json()["receipt"]["id"]
    return number


def survives(prober: Prober, *plants: Plant) -> int:
    """Note which pages of some organisations do not open any more; return how many were opened."""
    opened = 0
    for plant in plants:
        afterwards = Prober(prober.app, plant.cookie, prober.faults)
        each = max(15, examples(240) // len(plants))
        surface.surface(afterwards, prober.app, each=each)
        opened += afterwards.requests.total()
    return opened


def untried(prober: Prober, folder: str, *parts: str) -> set[inputs.Read]:
    """Return what the code of a folder reads of requests, and no request was tried with."""
    tried = {parameter[-1] for parameter in prober.parameters}
    read = inputs.in_source(folder)
    return {(part, name) for part, name in read if part in parts and name not in tried}


def is_enough(prober: Prober, endpoint: str, name: str) -> bool:
    """Whether a parameter was tried so often in other forms of a page that one may be left out."""
    prober.tried[endpoint, name] += 1
    return prober.tried[endpoint, name] > 1 and examples(FULL) < FULL


def summary(what: str, prober: Prober, **counts: int) -> None:
    found = {**counts, "parameters": len(prober.parameters), "requests": prober.requests.total()}
    print(f"hostile values, {what}:", ", ".join(f"{n:,} {name}" for name, n in found.items()))


@pytest.mark.parametrize(
    "text",
    [
        "<p><hostile></p>",
        "</script><hostile>",
        '<input value="" hostile="">',
        "<script>hostile()</script>",
        "<img src=x onerror=hostile()>",
        '<a href=" javascript:hostile()">x</a>',
    ],
)
def test_a_value_that_is_taken_for_markup_is_seen(text: str) -> None:
    assert crawl.read("/pms", text).injected
    escaped = text.replace("<", "&lt;").replace('"', "&#34;")
    assert not crawl.read("/pms", f'<p title="{escaped}">{escaped}</p>').injected


# The API

BODY: Body = {
    "data": request({"pms_id": "PMS-1"}, pack_sample("0241")),
    "content_type": "application/json",
}
_ORDER = {"order": "service", "kind": "pms", "id": "PMS-1", "note": "Cleaned."}
BODIES: dict[str, Body] = {
    "pms_api.postOrders": {
        "data": json.dumps({"key": "example", "orders": [_ORDER]}).encode(),
        "content_type": "application/json",
    },
    "pms_api.postImport": {"data": b"pack.id\n0241\n", "content_type": "text/csv"},
}
"""What is sent to routes that take something else than telemetry."""
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")


def test_the_api_answers_whatever_its_parameters_are(
    app_context: Flask, make_plant: MakePlant
) -> None:
    plant = make_plant()
    prober = Prober(app_context, plant.owner.headers)
    found = rules(app_context, "pms_api")
    with inputs.recorded(app_context) as recorder:
        for rule in found:
            for method in METHODS:
                prober.send("method", method, address(rule, examples_for(rule, plant)))
            try_rule(prober, plant, rule, recorder)

    summary("API", prober, routes=len(found), pages=survives(prober, plant))
    assert not prober.faults, prober.report()
    assert not untried(prober, "api", "args", "headers")
    assert len(found) >= 13
    assert len(prober.parameters) >= 80


def examples_for(rule: Rule, plant: Plant) -> dict[str, object]:
    ident = "0241" if "/devices/" in rule.rule else "PMS-1"
    return {
        "dataset": "pms",
        "kind": "pms",
        "ident": ident,
        "receipt_id": plant.receipt,
        "rest": "x",
    }


def try_rule(prober: Prober, plant: Plant, rule: Rule, recorder: Recorder) -> None:
    route = next((one for one in ROUTES if rule.endpoint == f"pms_api.{one.operation}"), None)
    method = route.method if route else "GET"
    body = BODIES.get(rule.endpoint, BODY) if method == "POST" else {}
    given = examples_for(rule, plant)
    reply, _page = prober.send("example", method, address(rule, given), **body)
    # Not for members of an organisation, but for who runs the server.
    wanted = 403 if rule.endpoint == "pms_api.getHealthDetails" else 200
    assert reply.status_code == (wanted if route else 404), rule
    kinds = {"args": "query", "headers": "header"}
    declared = route.parameters if route else ()
    names: set[tuple[str, str]] = {(one.where, one.name) for one in declared}
    names |= {("path", name) for name in rule.arguments}
    names |= {(kinds[part], name) for part, name in recorder.read[method, rule.endpoint, ""]}
    names |= {("header", name) for name in (*credentials(), "Content-Type")}
    for where, name in sorted(names):
        prober.parameters.add((method, rule.endpoint, where, name))
        for value in plant.values():
            if where == "path":
                url, more = address(rule, {**given, name: value.quoted()}), body
            elif where == "query":
                url, more = f"{address(rule, given)}?{name}={value.quoted()}", body
                prober.send("API query, twice", method, f"{url}&{name}=1&{name}[]=", name, **body)
            else:
                url, more = address(rule, given), {**body, "environ": in_environ(name, value)}
            prober.send(f"API {where}", method, url, f"{name}={value}", **more)


def credentials() -> list[str]:
    found: dict[str, dict[str, str]] = openapi_document()["components"]["securitySchemes"]
    return [one["name"] for one in found.values() if one["in"] == "header"]


# Telemetry

TOKENS = ("null", "true", "[]", "{}", "[[]]", "[null]", '{"": {}}', "NaN", "-Infinity", "1e999",
          "-1e-999", "9" * 400, "[" * 9 + "]" * 9, "1.0000000000000001", "-0", "1e15")  # fmt: skip
EXAMPLES = {
    "pms": ({"pms_id": "PMS-1", "status": {"code": "0x0001", "temp": 25}}, pack_sample("0241")),
    "mppt": ({"mppt_id": "MPPT-1", "status": {"code": "0x0001"}}, converter_sample()),
    "inverter": (
        {"inverter_id": "INV-1", "status": {"code": "0x0001"}},
        converter_sample(grid={"volts": [230.0], "amps": [1.0]}),
    ),
}


def test_any_field_of_telemetry_may_be_anything(app_context: Flask, make_plant: MakePlant) -> None:
    plant = make_plant()
    prober = Prober(app_context, plant.owner.headers)
    for dataset, (head, sample) in EXAMPLES.items():
        example = {"datasets": [{**head, "data": [sample]}]}
        for path in paths(example):
            prober.parameters.add((dataset, str(path)))
            tokens = [json.dumps(value.text) for value in plant.values()]
            first = len(prober.parameters)
            tokens += [TOKENS[(first + n) % len(TOKENS)] for n in range(examples(4))]
            for token in tokens:
                body = json.dumps(replaced(example, path, "@")).replace('"@"', token)
                said = f"{path}={token[:50]}"
                prober.send("telemetry", "POST", f"{POST}/{dataset}", said, data=body,
                            content_type="application/json")  # fmt: skip

    summary("telemetry", prober, pages=survives(prober, plant))
    assert not prober.faults, prober.report()
    assert len(prober.parameters) >= 70


def paths(value: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each part of a JSON value; of an array the first part alone."""
    parts: list[tuple[Any, Any]] = list(value.items()) if isinstance(value, dict) else []
    parts = list(enumerate(value[:1])) if isinstance(value, list) else parts
    for key, inner in parts:
        yield (key,)
        yield from ((key, *rest) for rest in paths(inner))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    key, *rest = path
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    items = [(k, replaced(v, tuple(rest), new) if k == key else v) for k, v in pairs]
    return dict(items) if isinstance(value, dict) else [v for _, v in items]


# Pages


def test_pages_answer_whatever_their_parameters_are(
    app_context: Flask, make_plant: MakePlant
) -> None:
    plant = make_plant()
    prober = Prober(app_context, plant.cookie)
    with inputs.recorded(app_context) as recorder:
        found = surface.surface(prober, app_context)
        assert not prober.faults, prober.report()
        for rule in rules(app_context, "pms_ui"):
            if "GET" in (rule.methods or ()):
                try_arguments(prober, plant, rule, found)
        for place, urls in sorted(found.urls.items()):
            names = {("args", name) for name in found.queries[place]} | recorder.read[place]
            try_queries(prober, plant, urls[0], place, names)

    routes = len(rules(app_context, "pms_ui"))
    summary("pages", prober, routes=routes, places=len(found.urls),
            pages=survives(prober, plant))  # fmt: skip
    assert not prober.faults, prober.report()
    assert not untried(prober, "ui", "args", "cookies")
    assert routes >= 33
    assert len(found.urls) >= 25
    assert len(prober.parameters) >= 180


def try_arguments(prober: Prober, plant: Plant, rule: Rule, found: Surface) -> None:
    given = found.arguments.get(rule.rule, {"ident": "PMS-1", "kind": "case", "rest": "x"})
    for name in rule.arguments:
        prober.parameters.add((rule.rule, name))
        for value in plant.values():
            prober.send("page path", "GET", address(rule, {**given, name: value.quoted()}), value)


def try_queries(
    prober: Prober, plant: Plant, url: str, place: inputs.Place, names: set[inputs.Read]
) -> None:
    for part, name in sorted(names):
        prober.parameters.add((*place, part, name))
        if is_enough(prober, place[1], name):
            continue
        for value in plant.values():
            said = f"{name}={value}"
            if part == "args":
                prober.send("page query", "GET", crawl.with_query(url, name, value.quoted()), said)
            else:
                text = value if part == "headers" else Value(f"{name}={value.text}")
                header = name if part == "headers" else "Cookie"
                prober.send("page header", "GET", url, said, environ=in_environ(header, text))


# Forms


@dataclass
class Sender:
    """A user who fills in one form again and again.

    :param plants: the organisations, the last of which is the present one: what is used up in
        one, such as a case that can be retired, is there in the next.
    :param form: of which each page has a copy.
    :param after: the form that the reply to it has, if that is the one to be filled in.
    """

    prober: Prober
    app: Flask
    plants: list[Plant]
    make_plant: MakePlant
    form: Form
    after: frozenset[str] = frozenset()
    client: FlaskClient | None = None
    present: Form | None = None
    accepted: int = 0
    refusal: str = ""
    page: PageContent = field(default_factory=PageContent)

    def entries(self) -> tuple[Form, Entries]:
        """Return the form as it is now, filled in so that it can be sent."""
        form = self.present or self._open() or self._open(anew=True)
        assert form is not None, f"{self.form.action} {sorted(self.form.fields)} is gone"
        self.present = form
        return form, self._filled(form)

    def send(self, entries: Entries, said: object, *, url: str = "") -> TestResponse:
        """Send entries of the form, and look at where the reply leads."""
        form = self.present
        assert form is not None
        reply, page = self.prober.send(
            "form", "POST", url or form.action, said, client=self.client,
            **crawl.sending(form, entries),
        )  # fmt: skip
        if reply.status_code == 303:
            self.prober.send(
                "after a form", "GET", reply.location, f"after {said}", client=self.client
            )
        if reply.status_code == 303 or (self.after and reply.status_code == 200):
            self.accepted += 1
            self.present = None
        self.page = page
        return reply

    def _filled(self, form: Form) -> Entries:
        number = next(NUMBERS)
        entries = crawl.filled(form, f"NEW-{number}", registry_file(number))
        if "request_id" in form.fields:
            entries = crawl.changed(entries, "request_id", Value(str(uuid4())))
        return entries

    def renew(self) -> None:
        """Go on in a new organisation, where nothing is used up."""
        self.plants.append(self.make_plant())
        self.client = self.present = None

    def _open(self, *, anew: bool = False) -> Form | None:
        if anew:
            self.renew()
        if self.client is None:
            self.client = log_in(self.app.test_client(), self.plants[-1].owner)
        _reply, page = self.prober.send("page", "GET", self.form.page, client=self.client)
        found = same(page, self.form.action, frozenset(self.form.fields))
        if found is None or not self.after:
            return found
        _reply, page = self.prober.send(
            "form", "POST", found.action, client=self.client,
            **crawl.sending(found, self._filled(found)),
        )  # fmt: skip
        return same(page, self.form.action, self.after)


NUMBERS = count(1)


def same(page: PageContent, action: str, names: frozenset[str]) -> Form | None:
    """Return the form of a page that has some fields."""
    path = urlsplit(action).path
    return next(
        (
            form
            for form in page.forms
            if urlsplit(form.action).path == path and names == frozenset(form.fields)
        ),
        None,
    )


def registry_file(number: int, **changed: str) -> str:
    """Return a registry file with a case that is not there yet."""
    row = {column: f"{column[:1]}{number}-{n}" for n, column in enumerate(OF_CASE)}
    row |= {"pms.id": "PMS-1", "cabinet.id": "PMS-1-B", "dock": str(number % 12 + 1)}
    row |= changed
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)
    return text.getvalue()


def test_forms_answer_whatever_is_filled_in(app_context: Flask, make_plant: MakePlant) -> None:
    plants = [make_plant()]
    first = Prober(app_context, plants[0].cookie)
    prober = Prober(app_context, {})
    senders: list[Sender] = []
    with inputs.recorded(app_context) as recorder:
        found = surface.surface(first, app_context)
        assert not first.faults, first.report()
        for forms in found.forms.values():
            sender = Sender(prober, app_context, plants, make_plant, forms[0])
            senders.append(sender)
            for names in try_form(sender, recorder):
                again = Sender(prober, app_context, plants, make_plant, forms[0], names)
                senders.append(again)
                try_form(again, recorder)

    refused = [sender for sender in senders if not sender.accepted]
    opened = survives(prober, *plants)
    summary("forms", prober, forms=len(senders), refused=len(refused), pages=opened)
    assert not prober.faults, prober.report()
    assert not untried(prober, "ui", "form", "files")
    assert len(senders) >= 20
    assert len(prober.parameters) >= 150
    # What is behind a form is tried only if the form can be sent. A device is put into a site, and
    # not into the cabinet that other forms are sent with.
    assert len(refused) <= 2, [(sender.form.action, sender.refusal) for sender in refused]


def try_form(sender: Sender, recorder: Recorder) -> set[frozenset[str]]:
    """Try all fields of a form; return those of further forms that it is answered with."""
    prober, plant = sender.prober, sender.plants[-1]
    form, entries = sender.entries()
    reply = sender.send(entries, "as it should be")
    if reply.status_code >= 400:
        # Something else may have taken the place that the form's page offers.
        sender.renew()
        form, entries = sender.entries()
        reply = sender.send(entries, "as it should be, again")
        sender.refusal = str(findall(r"field-error[^>]*>([^<]+)", reply.text))
    posts = {frozenset(form.fields) for form in sender.page.forms if form.method == "POST"}
    more = {names for names in posts if not names <= frozenset(form.fields)}
    sender.accepted += bool(more and reply.status_code == 200)
    place = surface.place_of(sender.app, form.action, "POST")
    assert place is not None
    parameters = {(*place, *sorted(form.fields), name): name for name in form.fields}
    for parameter, name in sorted(parameters.items()):
        prober.parameters.add(parameter)
        if is_enough(prober, place[1], name):
            continue
        for value in plant.values():
            _form, entries = sender.entries()
            twice = (value, Value("1")) if next(NUMBERS) % 3 == 0 else (value,)
            sender.send(crawl.changed(entries, name, *twice), f"{name}={value}")
    for name in sorted(name for part, name in recorder.read[place] if part == "args"):
        prober.parameters.add((*place, "args", name))
        if is_enough(prober, place[1], name):
            continue
        for value in plant.values():
            form, entries = sender.entries()
            url = crawl.with_query(form.action, name, value.quoted())
            sender.send(entries, f"?{name}={value}", url=url)
    return more
