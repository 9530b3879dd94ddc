"""PostgreSQL itself refuses what must never be (A4.4, A4.5), whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError
from support.registry import Registry, at

Docked = tuple[Callable[[int, int | None, datetime | None, datetime | None], None], int, int]
Sql = Callable[..., Any]

INSTALL = """
    INSERT INTO pms_installation
        (account_id, part_id, assembly_id, slot, place, valid, known, request_id)
    VALUES (:account, :part, :assembly, 'dock', :place, tstzrange(:begin, :end),
        tstzrange(now(), NULL), gen_random_uuid())
"""


@pytest.fixture
def sql(app_context: Flask) -> Sql:
    """Run a statement, which may fail without ending the test's transaction."""
    from flexmeasures.data import db

    def run(statement: str, **values: Any) -> Any:
        with db.session.begin_nested():
            return db.session.execute(sa.text(statement), values)

    return run


@pytest.fixture
def docked(registry: Registry, sql: Sql) -> Docked:
    """Case 1 is in dock 1 of a cabinet from 10:00 until 12:00."""
    (one, two), (cabinet,) = registry.add("case", "1", "2"), registry.add("cabinet", "C")

    def dock(case: int, place: int | None, begin: datetime | None, end: datetime | None) -> None:
        account = registry.account_id
        names = {"account": account, "part": case, "assembly": cabinet, "place": place}
        sql(INSTALL, **names, begin=begin, end=end)

    dock(one, 1, at(10), at(12))
    return dock, one, two


def test_two_installations_of_a_part_never_overlap(docked: Docked) -> None:
    dock, one, _ = docked
    with pytest.raises(IntegrityError, match="pms_installation_part_excl"):
        dock(one, 2, at(11), at(13))
    dock(one, 2, at(12), at(13))


def test_two_parts_are_never_in_one_place(docked: Docked) -> None:
    dock, _, two = docked
    with pytest.raises(IntegrityError, match="pms_installation_place_excl"):
        dock(two, 1, None, at(11))
    dock(two, 1, None, at(10))


def test_several_cases_may_be_in_a_pms_without_a_dock(docked: Docked) -> None:
    dock, one, two = docked
    dock(one, None, at(14), None)
    dock(two, None, at(14), None)


def test_an_installation_lasts_and_is_not_in_itself(docked: Docked) -> None:
    dock, one, _ = docked
    with pytest.raises(IntegrityError, match="ranges"):
        dock(one, 3, at(5), at(5))


def test_transactions_are_append_only(registry: Registry, sql: Sql) -> None:
    registry.add("case", "1")
    values = {"account": registry.account_id}
    for change in ("UPDATE pms_transaction SET note = 'x'", "DELETE FROM pms_transaction"):
        with pytest.raises(IntegrityError, match="append-only"):
            sql(f"{change} WHERE account_id = :account", **values)


def test_ids_are_unique_within_kind_and_organisation(registry: Registry, sql: Sql) -> None:
    registry.add("case", "1")
    with pytest.raises(IntegrityError, match="pms_trackable_ident_key"):
        sql(
            "INSERT INTO pms_trackable (account_id, kind, ident, ident_key)"
            " VALUES (:account, 'case', '1', '1')",
            account=registry.account_id,
        )


def test_a_registry_goes_with_its_organisation(registry: Registry, sql: Sql) -> None:
    (board,), (case,) = registry.add("acquisition-board", "B"), registry.add("case", "1")
    registry.do("install", board, case)
    registry.do("add_alias", board, alias="B2")
    sql("DELETE FROM fm_user WHERE account_id = :id", id=registry.account_id)
    sql("DELETE FROM account WHERE id = :id", id=registry.account_id)
    for table in ("trackable", "alias", "installation", "transaction", "registry_version"):
        count = f"SELECT count(*) FROM pms_{table} WHERE account_id = :id"
        assert sql(count, id=registry.account_id).scalar() == 0
