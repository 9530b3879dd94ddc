"""The registry near some ids answers as the whole registry does, and is never stale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.profiles import examples
from support.registry import Registry
from support.statements import statements

from flexmeasures_pms.registry.directory import Directory

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOURS = [NOON + timedelta(hours=n) for n in range(4)]
# Of a question of which nothing is remembered, however many ids it names.
MOST = 13
KINDS = ("case", "acquisition-board", "cabinet", "pms", "mppt")


@pytest.fixture(autouse=True)
def nothing_remembered(app_context: Flask) -> None:
    """What earlier tests asked for is forgotten."""
    from flexmeasures_pms.registry.loading import cache

    for account_id in {key[0] for key in cache._facts.about()}:
        cache.forget(account_id)


def near(registry: Registry, *packs: str, **named: Any) -> Any:
    from flexmeasures_pms.registry.loading.load import load_directory

    return load_directory(registry.account_id, packs=packs, **named)


def commit() -> None:
    from flexmeasures.data import db

    db.session.commit()


@pytest.fixture
def fleet(registry: Registry) -> Registry:
    """Two PMSes of two cabinets with two cases each, a board in each case."""
    for p in range(2):
        (pms,) = registry.add("pms", f"P{p}")
        for c in range(2):
            (cabinet,) = registry.add("cabinet", f"C{p}{c}", docks=2)
            registry.do("install", cabinet, pms, place=c + 1, at=HOURS[0])
            for d in range(2):
                (case,) = registry.add("case", f"{p}{c}{d}")
                (board,) = registry.add("acquisition-board", f"B{p}{c}{d}")
                registry.do("install", case, cabinet, place=d + 1, at=HOURS[0])
                registry.do("install", board, case, at=HOURS[0])
    commit()
    return registry


def number(registry: Registry, kind: str, ident: str) -> int:
    found: int = near(registry).find(kind, ident).id
    return found


def answers(known: Directory, packs: Sequence[str], at: datetime) -> list[Any]:
    """Return all that a request asks of a directory."""
    found: list[Any] = []
    for text in packs:
        pack = known.resolve_pack(text, at)
        found.append(pack)
        if pack:
            case = pack.case.id
            pms = known.pms_of(case, at)
            found += [known.place_of(case, at), pms, known.dock_across(case, at)]
            found += [known.cabinet_at(pms.id, dock, at) for dock in range(1, 5)] if pms else []
    return found


def test_asking_for_the_same_again_costs_one_statement(fleet: Registry) -> None:
    packs = ["000", "B001", "010", "nothing", "110"]
    with statements() as cold:
        first = answers(near(fleet, *packs, things=[("pms", "P0")]), packs, HOURS[1])
    with statements() as warm:
        again = answers(near(fleet, *packs, things=[("pms", "P0")]), packs, HOURS[1])
    assert again == first
    assert len(cold) <= MOST
    assert len(warm) == 1
    assert "pms_registry_version" in warm[0]


def test_however_many_ids_are_named_the_number_of_statements_is_the_same(fleet: Registry) -> None:
    everything = [f"{b}{p}{c}{d}" for p in "01" for c in "01" for d in "01" for b in ("", "B")]
    with statements() as asked:
        answers(near(fleet, *everything), everything, HOURS[1])
    assert len(asked) <= MOST


def test_what_is_in_a_pms_is_there_at_once_where_it_is_wanted(fleet: Registry) -> None:
    def see(known: Any) -> Any:
        pms = known.find("pms", "P1")
        cabinets = known.cabinets(pms.id, HOURS[1]).values()
        rows = [row for cabinet in cabinets for row in known.parts_of(cabinet.id, HOURS[1])]
        return [
            (known.dock_across(row.part_id, HOURS[1]), known.entry(row.part_id).ident)
            for row in rows
        ]

    with statements() as cold:
        found = see(near(fleet, things=[("pms", "P1")], parts=True))
    assert found == [(1, "100"), (2, "101"), (3, "110"), (4, "111")]
    assert len(cold) <= MOST
    with statements() as warm:
        assert see(near(fleet, things=[("pms", "P1")], parts=True)) == found
    assert len(warm) == 1


def test_a_change_elsewhere_leaves_what_is_remembered(fleet: Registry) -> None:
    before = answers(near(fleet, "000", "B001"), ["000", "B001"], HOURS[1])
    fleet.do(
        "install", number(fleet, "case", "100"), number(fleet, "cabinet", "C10"), place=1, at=NOON
    )
    fleet.do("remove", number(fleet, "case", "101"), at=HOURS[1])
    commit()
    with statements() as asked:
        after = answers(near(fleet, "000", "B001"), ["000", "B001"], HOURS[1])
    assert after == before
    assert ["pms_registry_change" in text for text in asked] == [False, True]


def test_a_move_is_seen_and_only_what_it_concerns_is_read_again(fleet: Registry) -> None:
    packs = ["000", "001", "010"]
    near(fleet, *packs)
    case, cabinet = number(fleet, "case", "000"), number(fleet, "cabinet", "C11")
    fleet.do("remove", number(fleet, "case", "110"), at=HOURS[1])
    fleet.do("install", case, cabinet, place=1, at=HOURS[2])
    commit()
    with statements() as asked:
        known = near(fleet, *packs)
        assert known.pms_of(case, HOURS[2]).ident == "P1"
        assert known.pms_of(case, HOURS[1]).ident == "P0"
        assert known.dock_across(case, HOURS[3]) == 3
    assert len(asked) <= MOST


def test_a_cabinet_that_comes_to_a_pms_is_seen(fleet: Registry) -> None:
    pms, cabinet = number(fleet, "pms", "P0"), number(fleet, "cabinet", "C10")
    assert near(fleet, "000").cabinet_at(pms, 5, HOURS[2]) is None
    fleet.do("install", cabinet, pms, place=3, at=HOURS[1])
    commit()
    assert near(fleet, "000").cabinet_at(pms, 5, HOURS[2])[0].id == cabinet


def test_what_comes_into_a_cabinet_and_goes_is_seen_where_its_parts_are_wanted(
    fleet: Registry,
) -> None:
    def packs() -> Any:
        known = near(fleet, things=[("cabinet", "C00")], parts=True)
        rows = known.parts_of(known.find("cabinet", "C00").id, HOURS[2])
        return [known.entry(row.part_id).ident for row in rows]

    assert packs() == ["000", "001"]
    fleet.do("remove", number(fleet, "case", "000"), at=HOURS[1])
    fleet.do(
        "install",
        number(fleet, "case", "110"),
        number(fleet, "cabinet", "C00"),
        place=1,
        at=HOURS[1],
    )
    commit()
    assert packs() == ["110", "001"]


def test_an_id_that_named_nothing_names_what_is_registered_since(fleet: Registry) -> None:
    assert near(fleet, "new").resolve_pack("new", NOON) is None
    with statements() as asked:
        assert near(fleet, "new").resolve_pack("new", NOON) is None
    assert len(asked) == 1
    fleet.add("case", "new")
    commit()
    assert near(fleet, "new").resolve_pack("new", NOON).case.ident == "new"


def test_a_board_is_found_by_an_alias_registered_since(fleet: Registry) -> None:
    assert near(fleet, "other").resolve_pack("other", HOURS[1]) is None
    fleet.do("add_alias", number(fleet, "acquisition-board", "B000"), alias="other")
    commit()
    assert near(fleet, "other").resolve_pack("other", HOURS[1]).case.ident == "000"


@pytest.mark.parametrize("text", ["", "x" * 20_000, "nul\0", "half \ud800", "line\n2"])
def test_what_can_be_no_id_is_not_even_looked_up(fleet: Registry, text: str) -> None:
    near(fleet)
    with statements() as asked:
        assert near(fleet, text).resolve_pack(text, NOON) is None
    assert len(asked) == 1


def test_boards_are_no_reason_to_ask_again_after_a_change_elsewhere(fleet: Registry) -> None:
    near(fleet, "B000")
    fleet.add("case", "elsewhere")
    commit()
    with statements() as asked:
        near(fleet, "B000").resolve_pack("B000", HOURS[1])
    assert len(asked) == 2


def test_what_is_remembered_is_bounded_and_the_answers_are_the_same(
    app: Flask, fleet: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from flexmeasures_pms import config
    from flexmeasures_pms.registry.loading import cache

    small = replace(config.settings(), registry_cache=20)
    monkeypatch.setitem(app.extensions, "flexmeasures_pms", small)
    every = [f"{p}{c}{d}" for p in "01" for c in "01" for d in "01"]
    first = answers(near(fleet, *every), every, HOURS[1])
    assert cache.remembered() <= 20
    for pack in (*every, *(f"unknown {n}" for n in range(50))):
        near(fleet, pack)
        assert cache.remembered() <= 20
    assert answers(near(fleet, *every), every, HOURS[1]) == first
    assert all(found is not None for found in first)


def test_what_one_organisation_asked_for_is_nothing_to_another(
    fleet: Registry, other_registry: Registry
) -> None:
    near(fleet, "000")
    case = number(fleet, "case", "000")
    theirs = near(other_registry, "000", numbers=[case])
    assert theirs.resolve_pack("000", HOURS[1]) is None
    assert theirs.entries.get(case) is None


def test_nothing_is_remembered_of_what_a_transaction_changed_itself(fleet: Registry) -> None:
    from flexmeasures.data import db

    near(fleet, "000")
    case = number(fleet, "case", "000")
    with db.session.begin_nested():
        fleet.do("remove", case, at=HOURS[1])
    assert near(fleet, "000").pms_of(case, HOURS[2]) is None
    db.session.rollback()
    # Another process's change, of which this one hears only now.
    newer = "UPDATE pms_registry_version SET version = nextval('pms_registry_version_seq')"
    db.session.execute(sa.text(newer))
    commit()
    assert near(fleet, "000").pms_of(case, HOURS[2]).ident == "P0"


def test_a_database_that_was_put_back_to_an_earlier_state_is_read_anew(fleet: Registry) -> None:
    from flexmeasures.data import db

    near(fleet, "000")
    case = number(fleet, "case", "000")
    back = {"account": fleet.account_id, "part": case}
    gone = "DELETE FROM pms_installation WHERE part_id = :part"
    earlier = "UPDATE pms_registry_version SET version = 1 WHERE account_id = :account"
    for statement in (gone, earlier):
        db.session.execute(sa.text(statement), back)
    commit()
    assert near(fleet, "000").place_of(case, HOURS[1]) is None


def test_assets_that_are_another_organisations_are_not_owned(
    fleet: Registry, other_registry: Registry
) -> None:
    from flexmeasures.data import db
    from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType

    from flexmeasures_pms.registry.editing.assets import link

    kind = db.session.scalar(sa.select(GenericAssetType).limit(1))
    kind = kind or GenericAssetType(name=f"of-test-{fleet.account_id}")
    asset = GenericAsset(name="one", generic_asset_type=kind, account_id=fleet.account_id)
    db.session.add(asset)
    db.session.flush()
    link(fleet.account_id, {number(fleet, "case", "000"): asset.id})
    commit()
    for _ in range(2):
        assert near(fleet, "000").owned == {asset.id}
    asset.account_id = other_registry.account_id
    commit()
    with statements() as asked:
        assert near(fleet, "000").owned == set()
    assert len(asked) == 1


def test_a_change_between_two_reads_is_not_seen_by_half(
    fleet: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registration that comes between the statements of one question: all is read anew."""
    from flexmeasures_pms.registry.loading import rows

    case, cabinet = number(fleet, "case", "000"), number(fleet, "cabinet", "C00")
    taken, other = number(fleet, "case", "110"), number(fleet, "cabinet", "C11")
    read = rows.things
    times: list[int] = []

    def slowly(*args: Any) -> Any:
        found = read(*args)
        if not times:
            times.append(1)
            fleet.do("remove", taken, at=HOURS[1])
            fleet.do("install", case, other, place=1, at=HOURS[1])
            fleet.do("remove", cabinet, at=HOURS[1])
            commit()
        return found

    monkeypatch.setattr(rows, "things", slowly)
    known = near(fleet, "000")
    assert known.pms_of(case, HOURS[2]).ident == "P1"
    assert near(fleet, "000").version == known.version


operation = st.one_of(
    st.tuples(st.just("move"), st.integers(0, 7), st.integers(0, 3), st.integers(1, 2)),
    st.tuples(st.just("board"), st.integers(0, 7), st.integers(0, 7)),
    st.tuples(st.just("remove"), st.sampled_from(KINDS[:3]), st.integers(0, 7)),
    st.tuples(st.just("register"), st.sampled_from(KINDS), st.integers(0, 9)),
    st.tuples(st.just("cabinet"), st.integers(0, 3), st.integers(0, 1), st.integers(1, 4)),
    st.tuples(st.just("report"), st.integers(0, 7), st.integers(0, 1), st.integers(1, 4)),
)
names = [f"{p}{c}{d}" for p in "01" for c in "01" for d in "01"]
asked = st.sampled_from([*names, *(f"B{n}" for n in names), *(f"new-{n}" for n in range(10))])
steps = st.lists(
    st.tuples(operation, st.sampled_from(HOURS), st.lists(asked, max_size=4)), max_size=8
)


def change(registry: Registry, verb: str, args: Any, at: datetime) -> None:
    cabinets = ["C00", "C01", "C10", "C11"]
    if verb == "move":
        case = number(registry, "case", names[args[0]])
        cabinet = number(registry, "cabinet", cabinets[args[1]])
        registry.do("install", case, cabinet, place=args[2], at=at)
    elif verb == "cabinet":
        cabinet = number(registry, "cabinet", cabinets[args[0]])
        pms = number(registry, "pms", f"P{args[1]}")
        registry.do("install", cabinet, pms, place=args[2], at=at)
    elif verb == "board":
        board = number(registry, "acquisition-board", f"B{names[args[0]]}")
        registry.do("install", board, number(registry, "case", names[args[1]]), at=at)
    elif verb == "remove":
        idents = {"case": names, "acquisition-board": [f"B{n}" for n in names]}
        ident = idents.get(args[0], cabinets * 2)[args[1]]
        registry.do("remove", number(registry, args[0], ident), at=at)
    elif verb == "register":
        registry.add(args[0], f"new-{args[1]}")
    else:
        case, pms = number(registry, "case", names[args[0]]), number(registry, "pms", f"P{args[1]}")
        registry.report(case, pms, args[2], at)


@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
@given(steps, st.integers(5, 400))
def test_what_is_near_answers_as_the_whole_registry_does(
    app: Flask,
    fleet: Registry,
    monkeypatch_room: Callable[[int], None],
    drawn: list[Any],
    room: int,
) -> None:
    from flexmeasures.data import db

    from flexmeasures_pms.errors import RegistryError
    from flexmeasures_pms.registry.loading.snapshot import read

    monkeypatch_room(room)
    for (verb, *args), at, packs in drawn:
        try:
            change(fleet, verb, args, at)
        except RegistryError:
            db.session.rollback()
        in_the_middle = read(fleet.account_id)
        assert answers(near(fleet, *packs), packs, at) == answers(in_the_middle, packs, at)
        db.session.commit()
        for moment in HOURS:
            whole = read(fleet.account_id)
            assert answers(near(fleet, *packs), packs, moment) == answers(whole, packs, moment)
            assert answers(near(fleet), packs, moment) == answers(whole, packs, moment)


@pytest.fixture
def monkeypatch_room(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let a process remember so much of the registry."""
    from dataclasses import replace

    from flexmeasures_pms import config

    def set_room(room: int) -> None:
        few = replace(config.settings(), registry_cache=room)
        monkeypatch.setitem(app.extensions, "flexmeasures_pms", few)

    return set_room
