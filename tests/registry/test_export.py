"""The registry as a file: what is exported is read back as the same."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.profiles import examples
from support.registry import Registry

from flexmeasures_pms.simulator import demo_layout, registry_csv

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def exported(registry: Registry) -> str:
    from flexmeasures_pms.registry.importing.export import export

    return export(registry.account_id)


def load(registry: Registry, text: str) -> Any:
    from flexmeasures_pms.registry.editing.change import Author
    from flexmeasures_pms.registry.importing.importer import import_file

    result = import_file(registry.account_id, text.encode(), author=Author("tests"))
    assert [str(fault) for fault in result.faults] == []
    return result


def contents(registry: Registry) -> set[tuple[Any, ...]]:
    """What is registered with its details, and what is in what now."""
    known, now = registry.whole, datetime.now(UTC)
    found: set[tuple[Any, ...]] = set()
    for entry in known.entries.values():
        row = known.installed(entry.id, now)
        place = row and (known.entry(row.assembly_id).ident, row.slot, row.place)
        details = entry.docks, entry.timezone, entry.latitude, entry.longitude
        aliases = tuple(known.aliases.get(entry.id, ()))
        found.add((entry.kind, entry.ident, details, aliases, place))
    return found


def check(registry: Registry, other: Registry) -> str:
    """Fail if the file is not the registry, for itself and for an empty one; return it."""
    text = exported(registry)
    again = load(registry, text)
    assert (again.changed, again.change.touched) == (0, ())
    load(other, text)
    assert contents(other) == contents(registry)
    assert exported(other) == text
    return text


def test_sites_are_exported_with_their_facts_and_pmses(
    registry: Registry, other_registry: Registry
) -> None:
    from flexmeasures_pms.registry.editing import orders
    from flexmeasures_pms.registry.editing.change import Author
    from flexmeasures_pms.registry.editing.order import Order
    from flexmeasures_pms.registry.queries.sites import SiteFacts

    order = Order(Author("tests"), account_id=registry.account_id)
    facts = SiteFacts('Jalan "Merdeka" 1, ' + "x" * 100, "Ani, +62 1")
    orders.register_site(order, "BTS-1", facts, timezone="Asia/Jakarta")
    orders.register_site(order, "BTS-2", SiteFacts(), latitude=-6.2, longitude=106.8)
    registry.add("pms", "PMS-1", "PMS-2")
    registry.add("mppt", "M-1")
    for device in ("PMS-1", "M-1"):
        orders.install(order, device, "BTS-1")
    text = exported(registry)
    again = load(registry, text)
    assert (again.changed, again.change.touched) == (0, ())
    load(other_registry, text)
    assert exported(other_registry) == text
    assert contents(other_registry) == {
        thing for thing in contents(registry) if thing[0] in ("site", "pms")
    }


@pytest.fixture
def site(registry: Registry) -> Registry:
    """Two cabinets, the second so large that its numbers may mean two docks."""
    (pms,) = registry.add("pms", "PMS-1", timezone="Asia/Jakarta", latitude=-6.2, longitude=106.8)
    registry.add("pms", "PMS-2")
    (small,) = registry.add("cabinet", "A")
    (large,) = registry.add("cabinet", "B", docks=30)
    (lost,) = registry.add("cabinet", "C", docks=4)
    registry.do("install", small, pms, place=1)
    registry.do("install", large, pms, place=2)
    cases = registry.add("case", *(f"{n:04}" for n in range(1, 9)))
    # Docks 1, 13, 15 and 30 of the second cabinet are counted from 13 on across the PMS.
    places = [(small, 1), (pms, 13), (pms, 25), (pms, 27), (pms, 42), (lost, 4)]
    for case, (assembly, dock) in zip(cases, places, strict=False):
        registry.do("install", case, assembly, place=dock)
    registry.do("install", cases[6], pms)
    boards = registry.add("acquisition-board", "B1", "00B2", "SPARE")
    for alias in ("B1-a", "B1-b", "B1-c"):
        registry.do("add_alias", boards[0], alias=alias)
    registry.do("add_alias", boards[2], alias="SPARE-a")
    registry.do("install", boards[0], cases[0])
    registry.do("install", boards[1], cases[7])
    kinds = ("cell-block", "bbc", "busbar", "ehub")
    (cell, bbc, busbar, hub) = (registry.add(kind, f"{kind} 1")[0] for kind in kinds)
    registry.do("install", cell, cases[0], place=14)
    registry.do("install", bbc, small)
    registry.do("install", busbar, large)
    registry.do("install", hub, large)
    return registry


def test_a_registry_is_exported_whole(site: Registry, other_registry: Registry) -> None:
    text = check(site, other_registry)
    lines = list(csv.DictReader(StringIO(text)))
    of_case = {line["pack.id"]: line for line in lines if line["pack.id"]}
    assert set(of_case) == {f"[000{n}]" for n in range(1, 9)}
    assert (of_case["[0005]"]["cabinet.id"], of_case["[0005]"]["dock"]) == ("B", "42")
    # Both numbers of its dock 15 could be another dock: it is said as one of the PMS.
    assert (of_case["[0004]"]["cabinet.id"], of_case["[0004]"]["dock"]) == ("", "27")
    aliases = [
        of_case["[0001]"][name] for name in ("board.alias", "board.alias.2", "board.alias.3")
    ]
    assert aliases == ["B1-a", "B1-b", "B1-c"]
    spare = [(line["spare.kind"], line["spare.id"]) for line in lines if line["spare.kind"]]
    assert spare == [("acquisition-board", "SPARE")]


def test_the_registry_of_the_demo_is_read_back(two_registries: Any) -> None:
    registry, other = two_registries()
    layout = demo_layout()
    load(registry, registry_csv(layout))
    check(registry, other)
    one, two, *_ = layout.systems[0].cabinets[0].cases
    (new,) = registry.add("acquisition-board", "NEW")
    known = registry.directory
    first, second = (known.find("case", case.ident).id for case in (one, two))
    registry.do("swap", known.find("acquisition-board", one.board).id, new)
    registry.do("correct", first, place=12)
    registry.do("remove", second)
    check(registry, two_registries()[0])


def test_after_swaps_moves_and_corrections_it_is_the_same(
    site: Registry, other_registry: Registry
) -> None:
    known = site.directory
    numbers = {n: known.find("case", f"000{n}").id for n in (1, 3, 8)}
    (new,) = site.add("acquisition-board", "NEW")
    site.do("swap", known.find("acquisition-board", "B1").id, new)
    site.do("install", numbers[3], known.find("cabinet", "A").id, place=7)
    site.do("correct", numbers[1], place=2)
    site.do("remove", numbers[8])
    check(site, other_registry)


def test_no_field_is_run_by_a_spreadsheet(registry: Registry, other_registry: Registry) -> None:
    registry.add("pms", "=1+1", "+1", "@SUM(A1)", "-1+2", "|x", "[y]", "a,b;c", "É-1")
    text = exported(registry)
    assert text.startswith("\ufeff"), "a spreadsheet reads it as UTF-8"
    fields = [field for line in csv.reader(StringIO(text[1:])) for field in line]
    assert not [field for field in fields if field[:1] in ("=", "+", "-", "@")]
    assert load(registry, text).changed == 0


def test_what_is_in_retired_things_is_exported_as_spare(
    site: Registry, other_registry: Registry
) -> None:
    from flexmeasures_pms.registry.editing.service import record_retirement
    from flexmeasures_pms.registry.editing.writer import editing

    with editing(site.account_id, site.author) as changeset:
        for kind, ident in (("case", "0001"), ("cabinet", "A")):
            entry = changeset.view.find(kind, ident)
            assert entry is not None
            record_retirement(changeset, entry, changeset.now)
    text = exported(site)
    lines = list(csv.DictReader(StringIO(text)))
    spare = {(line["spare.kind"], line["spare.id"], line["board.alias.3"]) for line in lines}
    assert {("acquisition-board", "B1", "B1-c"), ("cell-block", "cell-block 1", "")} <= spare
    assert "[0001]" not in {line["pack.id"] for line in lines}
    again = load(site, text)
    assert (again.changed, again.change.touched) == (0, ())
    load(other_registry, text)
    assert exported(other_registry) == text


def test_a_line_with_the_other_delimiter_in_an_id_is_quoted(registry: Registry) -> None:
    from flexmeasures_pms.registry.importing.export import export

    registry.add("pms", "A;=1+1", "A,=1+1", "B")
    for delimiter in ",;":
        text = export(registry.account_id, delimiter)
        assert '"[A;=1+1]"' in text
        assert '"[A,=1+1]"' in text
        assert f"{delimiter}B{delimiter}" in text
        assert load(registry, text).changed == 0


def test_a_registry_of_nothing_is_a_header(registry: Registry) -> None:
    text = exported(registry)
    assert text.startswith("pack.id,")
    assert len(text.splitlines()) == 1
    assert load(registry, text).rows == 0


def test_semicolons_are_read_back(site: Registry) -> None:
    from flexmeasures_pms.registry.importing.export import export

    assert load(site, export(site.account_id, ";")).changed == 0


def test_the_template_is_refused_until_its_example_is_gone(registry: Registry) -> None:
    from flexmeasures_pms.registry.editing.change import Author
    from flexmeasures_pms.registry.importing.importer import import_file
    from flexmeasures_pms.registry.importing.template import template

    def taken(text: str) -> Any:
        return import_file(registry.account_id, text.encode(), author=Author("tests"))

    (fault,) = taken(template()).faults
    assert str(fault) == "Line 2: 'EXAMPLE' is a placeholder, not the id of a new case."
    assert not registry.whole.entries
    assert taken(template().replace("EXAMPLE", "0269")).written


number, dock = st.integers(0, 2), st.integers(1, 4)
orders = st.lists(
    st.one_of(
        st.tuples(st.just("cabinet"), number, st.integers(0, 1), st.integers(1, 3)),
        st.tuples(st.just("dock"), number, number, dock),
        st.tuples(st.just("report"), number, st.integers(0, 1), st.none() | st.integers(1, 9)),
        st.tuples(st.just("board"), number, number),
        st.tuples(st.just("remove"), number),
    ),
    max_size=12,
)


@given(orders, st.lists(st.sampled_from([None, 3, 4]), min_size=3, max_size=3))
@settings(
    max_examples=examples(20),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_registry_is_read_back(
    two_registries: Any, done: list[tuple[Any, ...]], sizes: list[int | None]
) -> None:
    one, other = two_registries()
    make(one, done, sizes)
    text = exported(one)
    assert load(one, text).changed == 0
    load(other, text)
    assert exported(other) == text


def make(registry: Registry, done: list[tuple[Any, ...]], sizes: list[int | None]) -> None:
    from flexmeasures_pms.errors import RegistryConflict

    pmses = registry.add("pms", "P1", "P2")
    cabinets = [registry.add("cabinet", f"C{n}", docks=docks)[0] for n, docks in enumerate(sizes)]
    cases = registry.add("case", "001", "002", "003")
    boards = registry.add("acquisition-board", "1", "2", "3")
    for verb, *args in done:
        try:
            if verb == "cabinet":
                registry.do("install", cabinets[args[0]], pmses[args[1]], place=args[2])
            elif verb == "dock":
                registry.do("install", cases[args[0]], cabinets[args[1]], place=args[2])
            elif verb == "report":
                registry.report(cases[args[0]], pmses[args[1]], args[2], NOW)
            elif verb == "board":
                registry.do("install", boards[args[0]], cases[args[1]])
            else:
                registry.do("remove", boards[args[0]])
        except RegistryConflict:
            continue


@pytest.fixture
def two_registries(make_organisation: Any) -> Any:
    """Make two empty registries, as often as it is called."""

    def run() -> tuple[Registry, Registry]:
        return Registry(make_organisation().id), Registry(make_organisation().id)

    return run
