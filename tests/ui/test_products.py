"""The pages of products, batches and parties: what they are, and where their things are used."""

from __future__ import annotations

import csv
import re
from datetime import UTC, date, datetime
from html import unescape
from io import StringIO
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from support.session import log_in
from support.site import Site, commit

from flexmeasures_pms.registry.editing import master_orders, orders
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.order import Order
from flexmeasures_pms.registry.master import queries
from flexmeasures_pms.registry.master_tables import product
from flexmeasures_pms.ui.products import used

BOARD = "acquisition-board"
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
SWAPPED = datetime(2025, 7, 1, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"


class Stock:
    """Boards of two batches in cases; one of the second was swapped for a spare."""

    def __init__(self, account_id: int) -> None:
        self.site = Site(account_id)
        self.order = Order(Author("test"), BEGIN, account_id)
        commit(master_orders.register_party(
            self.order, "Volt Parts", roles=["supplier"], email="sales@volt.example",
        ))  # fmt: skip
        commit(master_orders.register_product(
            self.order, BOARD, "Acme", "AB-14", "v2", datasheet="https://acme.example/ab14.pdf",
            parameters={"channels": 14},
        ))  # fmt: skip
        for lot in ("LOT-6", "LOT-7"):
            self.batch(lot)
        with self.site.at_once() as new:
            new.pms()
            for n in (1, 2, 3):
                new.case(f"K{n}", "PMS-1-A", n)
            new.register(BOARD, "B1", "B2", "B3", "SPARE")
        for n, lot in ((1, "LOT-6"), (2, "LOT-7"), (3, "LOT-7")):
            self.site.install((BOARD, f"B{n}"), ("case", f"K{n}"), BEGIN)
            self.procure(f"B{n}", batch=lot, serial=f"SN-{n}", warranty_until=date(2027, n, 1))
        commit(orders.swap(Order(Author("test"), SWAPPED, account_id), "B2", "SPARE"))

    def batch(self, lot: str, **details: Any) -> None:
        more: Any = {"supplier": "Volt Parts", "made_on": date(2024, 11, 5)} | details
        commit(master_orders.register_batch(self.order, "Acme AB-14 v2", lot, **more))

    def procure(self, ident: str, **details: Any) -> None:
        commit(master_orders.procure(self.order, ident, kind=BOARD, **details))

    def batch_url(self, lot: str) -> str:
        listed = queries.batches(self.site.account_id)
        return next(f"/pms/batches/{one.batch.id}" for one in listed if one.batch.lot == lot)

    @property
    def product_url(self) -> str:
        return f"/pms/products/{queries.products(self.site.account_id)[0].id}"

    @property
    def party_url(self) -> str:
        return f"/pms/parties/{queries.parties(self.site.account_id)[0].id}"


@pytest.fixture
def stock(organisation: Organisation) -> Stock:
    return Stock(organisation.id)


@pytest.fixture
def member(client: FlaskClient, organisation: Organisation, stock: Stock) -> FlaskClient:
    """The organisation's member, logged in."""
    return log_in(client, organisation)


def html(client: FlaskClient, path: str, status: int = 200) -> str:
    reply = client.get(path)
    text = reply.get_data(as_text=True)
    assert reply.status_code == status, (path, text[-3000:])
    return text.split('id="pms-main" tabindex="-1">', 1)[-1].split("</main>", 1)[0]


def shown(client: FlaskClient, path: str, status: int = 200) -> str:
    """What a reader of a page sees, with single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html(client, path, status))).split())


def test_a_batch_shows_where_its_things_are(member: FlaskClient, stock: Stock) -> None:
    text = shown(member, stock.batch_url("LOT-7"))
    assert "Batch LOT-7" in text
    assert "Acquisition board Acme AB-14 v2" in text
    assert "Made on 2024-11-05 Supplier Volt Parts" in text
    assert "2 things 1 installed 1 not installed 0 retired" in text
    assert "PMS-1 : 1" in text
    assert "Acquisition board B2 SN-2 installed nowhere" in text
    assert "Acquisition board B3 SN-3 K3 3, PMS-1-A PMS-1 – 2025-01-01 07:00" in text
    page = html(member, stock.batch_url("LOT-7"))
    assert 'href="/pms/registry/acquisition-board/B3"' in page
    assert 'href="/pms/case/K3"' in page


def test_a_batch_of_a_past_moment_and_its_recall_list(member: FlaskClient, stock: Stock) -> None:
    then = f"{stock.batch_url('LOT-7')}?at=2025-03-01T00:00Z"
    text = shown(member, then)
    assert "As it was on 2025-03-01 07:00:00" in text
    assert "Acquisition board B2 SN-2 K2 2, PMS-1-A PMS-1" in text
    assert "2 installed 0 not installed" in text
    (address,) = re.findall(r'href="([^"]+recall\.csv[^"]*)"', html(member, then))
    reply = member.get(unescape(address))
    assert reply.mimetype == "text/csv"
    assert re.search(r'filename="recall-batch-\d+\.csv"', reply.headers["Content-Disposition"])
    rows = {row["id"]: row for row in csv.DictReader(StringIO(reply.get_data(as_text=True)))}
    assert {one: (row["case"], row["state"]) for one, row in rows.items()} == {
        "B2": ("K2", "installed"),
        "B3": ("K3", "installed"),
    }


def test_a_batch_as_it_was_known_before_anything_was_registered(
    member: FlaskClient, stock: Stock
) -> None:
    known = f"{stock.batch_url('LOT-7')}?at=2025-03-01T00:00Z&known_at=2025-03-01T00:00Z"
    text = shown(member, known)
    assert "as was known on 2025-03-01 07:00:00" in text
    assert "0 installed 0 not installed" in text
    assert "Product, batch and supplier are as known now." in text


def test_a_long_list_goes_on_where_it_ended(
    member: FlaskClient, stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(used, "ROWS", 1)
    first = html(member, stock.batch_url("LOT-7"))
    (following,) = re.findall(r'rel="next" href="([^"]+)"', first)
    rest = html(member, unescape(following))
    assert ("B2</a>" in first, "B3</a>" in first) == (True, False)
    assert ("B2</a>" in rest, "B3</a>" in rest) == (False, True)
    assert 'rel="next"' not in rest
    assert "2 things" in rest


@pytest.mark.parametrize("query", ["at=nonsense", "at=2099-01-01T00:00Z", "after=-1"])
def test_what_can_not_be_read_is_refused(member: FlaskClient, stock: Stock, query: str) -> None:
    html(member, f"{stock.batch_url('LOT-7')}?{query}", 400)


def test_another_organisation_sees_nothing_of_it(
    client: FlaskClient, stock: Stock, other_organisation: Organisation
) -> None:
    log_in(client, other_organisation)
    for url in (stock.batch_url("LOT-7"), f"{stock.batch_url('LOT-7')}/recall.csv",
                stock.product_url, f"{stock.product_url}/recall.csv", stock.party_url,
                f"{stock.party_url}/recall.csv"):  # fmt: skip
        theirs = shown(client, url, 404)
        nobodys = shown(client, re.sub(r"\d+", "9223372036854775807", url), 404)
        assert theirs == nobodys
        html(client, re.sub(r"\d+", "92233720368547758070", url), 404)
    for url in ("/pms/products", "/pms/parties", "/pms/warranty"):
        text = shown(client, url)
        assert "Acme" not in text
        assert "Volt" not in text
    html(client, "/pms/service-log?kind=pms&id=PMS-1", 404)


def test_hostile_names_are_text(member: FlaskClient, stock: Stock) -> None:
    commit(master_orders.register_party(stock.order, HOSTILE, note=HOSTILE))
    stock.batch(HOSTILE, supplier=HOSTILE, purchase=HOSTILE, note=HOSTILE)
    stock.procure("SPARE", batch=HOSTILE, serial=HOSTILE, warranty_until=date(2027, 5, 1))
    parties = {one.name: one.id for one in queries.parties(stock.site.account_id)}
    for url in (stock.batch_url(HOSTILE), stock.product_url, f"/pms/parties/{parties[HOSTILE]}",
                "/pms/products?by=batch", "/pms/products?by=supplier", "/pms/parties",
                "/pms/warranty?from=2027-01-01&last=2028-01-01",
                "/pms/registry/acquisition-board/SPARE", "/pms/registry/case/K2"):  # fmt: skip
        assert "<script>" not in html(member, url)
    assert "&lt;script&gt;" in html(member, stock.batch_url(HOSTILE))


def test_rates_have_counts_and_intervals_and_the_worst_batch_first(
    member: FlaskClient, stock: Stock
) -> None:
    text = shown(member, "/pms/products")
    assert "Acquisition board 1" in text
    first, rest = text.split("Acme AB-14 v2 LOT-7", 1)[1].split("Acme AB-14 v2 LOT-6", 1)
    assert re.match(r" 2 [\d.]+ 1 1 without a cause [\d.]+ \( ?[\d.]+ to [\d.]+", first)
    assert "a rate of few: it says little" in first
    assert re.match(r" 1 [\d.]+ 0 – 0\.000", rest)
    assert "Acme AB-14 v2 3 2" in text
    page = html(member, "/pms/products")
    assert page.count('class="rate-bar rate-few"') == 2
    assert "Volt Parts 3" in shown(member, "/pms/products?by=supplier")
    assert "Acme AB-14 v2 3" in shown(member, "/pms/products?kind=acquisition-board&by=product")
    assert "LOT-7" in shown(member, "/pms/products?kind=nonsense&by=nonsense")


def test_a_product_shows_its_parameters_and_how_long_it_lasts(
    member: FlaskClient, stock: Stock
) -> None:
    text = shown(member, stock.product_url)
    assert "channels 14" in text
    assert "LOT-6 2024-11-05 Volt Parts – 1" in text
    assert "3 installations, 1 ended by a swap for a fault or without a cause" in text
    assert "181 66.7 %" in text
    page = html(member, stock.product_url)
    assert ('<a href="https://acme.example/ab14.pdf" rel="noopener noreferrer">') in page
    assert '<polyline class="survival-line" points="0.0,0.0' in page
    assert f'href="{stock.batch_url("LOT-7")}">LOT-7' in page


def test_a_party_shows_how_to_reach_it_and_what_came_from_it(
    member: FlaskClient, stock: Stock
) -> None:
    text = shown(member, stock.party_url)
    assert "Volt Parts Supplier Time zone" in text
    assert "Email sales@volt.example" in text
    assert "Acme AB-14 v2 acquisition board, 3 things" in text
    assert "LOT-7 Acme AB-14 v2 2024-11-05 – 2" in text
    assert "Acquisition board B3 SN-3 Acme AB-14 v2 LOT-7 K3" in text
    rows = member.get(f"{stock.party_url}/recall.csv").get_data(as_text=True).splitlines()
    assert len(rows) == 4
    assert "Volt Parts supplier – sales@volt.example" in shown(member, "/pms/parties")


def test_warranties_of_a_period_are_listed(member: FlaskClient, stock: Stock) -> None:
    text = shown(member, "/pms/warranty?from=2027-01-01&last=2027-02-01")
    assert "2027-01-01 Acquisition board B1 SN-1 Acme AB-14 v2 LOT-6 Volt Parts" in text
    assert "2027-02-01 Acquisition board B2" in text
    assert "B3" not in text
    html(member, "/pms/warranty")
    html(member, "/pms/warranty?from=2027-02-01&last=2027-01-01", 400)
    html(member, "/pms/warranty?from=nonsense", 400)


def test_a_service_log_has_what_was_done_inside(member: FlaskClient, stock: Stock) -> None:
    log = "/pms/service-log?kind=pms&id=PMS-1"
    text = shown(member, f"{log}&start=2025-06-01T00:00Z&end=2025-08-01T00:00Z")
    assert "2025-07-01 07:00 Acquisition board B2 swapped" in text
    assert "2025-07-01 07:00 Acquisition board SPARE swapped" in text
    assert "Nothing was recorded in this period." in shown(
        member, f"{log}&start=2025-02-01T00:00Z&end=2025-03-01T00:00Z"
    )
    html(member, f"{log}&start=2025-08-01T00:00Z&end=2025-07-01T00:00Z", 400)
    assert f'href="{log}"' in unescape(html(member, "/pms/PMS-1"))
    assert f'href="{log}"' in unescape(html(member, "/pms/registry/pms/PMS-1"))


def test_a_thing_and_the_parts_of_a_case_say_where_they_come_from(
    member: FlaskClient, stock: Stock
) -> None:
    text = shown(member, "/pms/registry/acquisition-board/B3")
    assert "Product ? Acme AB-14 v2" in text or "Product Acme AB-14 v2" in text
    assert re.search(r"Made on 2024-11-05 \([\d.]+ (months|years) old\)", text)
    assert "Supplier Volt Parts" in text
    assert "until 2027-03-01" in text
    case = shown(member, "/pms/registry/case/K3")
    assert "Acme AB-14 v2 batch LOT-7 serial number SN-3 Volt Parts" in case
    assert "warranty until 2027-03-01" in case
    assert f'href="{stock.batch_url("LOT-7")}"' in html(member, "/pms/registry/case/K3")
    assert "Where it comes from" not in shown(member, "/pms/registry/case/K3")


def test_without_products_the_pages_say_what_to_do(
    client: FlaskClient, other_organisation: Organisation
) -> None:
    log_in(client, other_organisation)
    assert "No product is registered yet." in shown(client, "/pms/products")
    assert "No party is registered yet." in shown(client, "/pms/parties")


def test_search_finds_serials_lots_products_and_parties(member: FlaskClient, stock: Stock) -> None:
    for text, address in (
        ("sn-3", "/pms/registry/acquisition-board/B3"),
        ("lot-7", stock.batch_url("LOT-7")),
        ("ab-14", stock.product_url),
        ("volt", stock.party_url),
    ):
        reply = member.get("/pms/search", query_string={"q": text})
        assert (reply.status_code, reply.location) == (303, address)
    found = shown(member, "/pms/search?q=LOT-")
    assert "LOT-6 Batch, Acme AB-14 v2 LOT-7 Batch, Acme AB-14 v2" in found


def test_search_finds_nothing_of_another_organisation(
    client: FlaskClient, stock: Stock, other_organisation: Organisation
) -> None:
    log_in(client, other_organisation)
    for text in ("sn-3", "lot-7", "ab-14", "volt"):
        assert "contains" in shown(client, f"/pms/search?q={text}")


def test_a_datasheet_that_is_no_address_of_the_web_is_no_link(
    member: FlaskClient, stock: Stock
) -> None:
    change = product.update().where(product.c.account_id == stock.site.account_id)
    db.session.execute(change.values(datasheet="javascript:alert(1)"))
    page = html(member, stock.product_url)
    assert "<dd>javascript:alert(1)</dd>" in page
    assert 'href="javascript' not in page


def test_a_lot_that_two_products_have_leads_to_the_right_batch(
    member: FlaskClient, stock: Stock
) -> None:
    commit(master_orders.register_product(stock.order, BOARD, "Acme", "AB-14", "v3"))
    commit(master_orders.register_batch(
        stock.order, "Acme AB-14 v3", "LOT-7", supplier="Volt Parts"
    ))  # fmt: skip
    commit(master_orders.procure(
        stock.order, "SPARE", kind=BOARD, product="Acme AB-14 v3", batch="LOT-7"
    ))  # fmt: skip
    listed = queries.batches(stock.site.account_id)
    numbers = {one.product.revision: one.batch.id for one in listed if one.batch.lot == "LOT-7"}
    rows = html(member, stock.party_url).split("<tr>")
    for ident, revision in (("B3", "v2"), ("SPARE", "v3")):
        (row,) = (one for one in rows if f"board {ident}</a>" in one)
        assert f'href="/pms/batches/{numbers[revision]}"' in row


def test_of_very_many_things_the_places_are_not_counted(
    member: FlaskClient, stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(used, "MOST_COUNTED", 1)
    text = shown(member, stock.batch_url("LOT-7"))
    assert "2 things These are too many to count where they are: download the list." in text
    assert "not installed" not in text
