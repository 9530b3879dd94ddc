"""Where things are used, how long they last, and what was done."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flexmeasures.data import db
from scipy.stats import poisson
from support.registry import Registry

from flexmeasures_pms.registry.master_tables import batch, origin, party, product
from flexmeasures_pms.registry.questions.lifetimes import survival
from flexmeasures_pms.registry.questions.service_log import service_log
from flexmeasures_pms.registry.questions.subject import AskedThings
from flexmeasures_pms.registry.questions.swap_rates import rate_of, swap_rates
from flexmeasures_pms.registry.questions.warranty import ending
from flexmeasures_pms.registry.questions.where_used import count_of, where_used

BOARD = "acquisition-board"
START = datetime(2025, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def month(n: int) -> datetime:
    """Return a time in 2025: some months of 30 days after its begin."""
    return START + timedelta(days=30 * n)


class Boards:
    """Boards of a good and a bad batch in cases, docked in a cabinet of a PMS."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        self.registry = Registry(account_id)
        self.product = self._row(
            product, kind=BOARD, vendor="Acme", model="AB-14", key="acme ab-14"
        )
        self.supplier = self._row(
            party, name="Volt Parts", name_key="volt parts", roles=["supplier"]
        )
        self.good, self.bad = (
            self._row(
                batch, product_id=self.product, lot=lot, lot_key=lot, supplier_id=self.supplier
            )
            for lot in ("good", "bad")
        )
        (self.pms,) = self.registry.add("pms", "P1")
        (self.cabinet,) = self.registry.add("cabinet", "C1")
        self.cases = self.registry.add("case", "K1", "K2", "K3", "K4")
        self.boards = self.registry.add(BOARD, "B1", "B2", "B3", "B4")
        self.spare = self.registry.add(BOARD, "S1", "S2")
        self.registry.do("install", self.cabinet, self.pms, at=START)
        for n, case in enumerate(self.cases):
            self.registry.do("install", case, self.cabinet, place=n + 1, at=START)
            self.registry.do("install", self.boards[n], case, at=START)
        for n, board in enumerate(self.boards):
            self.origin(board, self.good if n < 2 else self.bad, serial=f"SN-{n}")
        for board in self.spare:
            self.origin(board, self.good)

    def _row(self, table: sa.Table, **values: Any) -> int:
        statement = table.insert().values(account_id=self.account_id, **values)
        return int(db.session.execute(statement.returning(table.c.id)).scalar_one())

    def origin(self, thing: int, batch_id: int, **values: Any) -> None:
        statement = origin.insert().values(
            trackable_id=thing,
            account_id=self.account_id,
            batch_id=batch_id,
            **values,
        )
        db.session.execute(statement)

    def of(self, **chosen: Any) -> AskedThings:
        return AskedThings(self.account_id, **chosen)

    def swap(self, old: int, new: int, at: datetime, cause: str | None = None) -> None:
        """Swap boards, and say why as an event does."""
        self.registry.do("swap", old, new, at=at)
        self.say("swapped", at, cause)

    def say(self, verb: str, at: datetime, cause: str | None) -> None:
        """Let what was done at a time have a cause."""
        db.session.execute(
            sa.text("ALTER TABLE pms_transaction DISABLE TRIGGER pms_transaction_append_only")
        )
        db.session.execute(
            sa.text(
                "UPDATE pms_transaction SET cause = :cause WHERE verb = :verb"
                " AND effective_at = :at AND account_id = :account"
            ),
            {"cause": cause, "verb": verb, "at": at, "account": self.account_id},
        )


@pytest.fixture
def boards(organisation: Organisation) -> Boards:
    return Boards(organisation.id)


def places(subject: AskedThings, at: datetime, known_at: datetime | None = None) -> dict[str, Any]:
    return {u.ident: (u.pms, u.cabinet, u.dock, u.case) for u in where_used(subject, at, known_at)}


def test_a_batch_is_found_where_it_is_and_where_it_was(boards: Boards) -> None:
    boards.swap(boards.boards[2], boards.spare[0], month(6))
    bad = boards.of(batch_id=boards.bad)
    assert places(bad, NOW) == {"B3": (None,) * 4, "B4": ("P1", "C1", 4, "K4")}
    assert places(bad, month(3)) == {"B3": ("P1", "C1", 3, "K3"), "B4": ("P1", "C1", 4, "K4")}
    assert count_of(bad) == 2
    found = {u.ident: u for u in where_used(bad, NOW)}
    assert (found["B3"].is_installed, found["B4"].is_installed) == (False, True)
    assert found["B4"].supplier == "Volt Parts"
    assert (found["B4"].vendor, found["B4"].lot, found["B4"].serial) == ("Acme", "bad", "SN-3")


def test_a_correction_changes_what_is_known_and_not_what_was_known(boards: Boards) -> None:
    before = boards.registry.directory
    known = db.session.scalar(sa.text("SELECT max(lower(known)) FROM pms_installation"))
    assert before.installed(boards.boards[3], NOW)
    boards.registry.do("remove", boards.boards[3], at=month(2))
    bad = boards.of(batch_id=boards.bad)
    assert places(bad, month(3))["B4"] == (None,) * 4
    assert places(bad, month(3), known)["B4"] == ("P1", "C1", 4, "K4")


def test_pages_of_a_long_list_go_on_where_the_last_ended(boards: Boards) -> None:
    made = boards.of(product_id=boards.product)
    first = list(where_used(made, NOW, most=4))
    rest = list(where_used(made, NOW, after=first[-1].id, most=4))
    assert [u.ident for u in first + rest] == ["B1", "B2", "B3", "B4", "S1", "S2"]


def test_another_organisation_is_never_found(
    boards: Boards, other_organisation: Organisation
) -> None:
    foreign = AskedThings(other_organisation.id, batch_id=boards.bad)
    assert list(where_used(foreign, NOW)) == []
    assert swap_rates(AskedThings(other_organisation.id), BOARD, "batch", NOW) == []
    assert survival(foreign, BOARD, NOW) is None
    assert list(service_log(other_organisation.id, boards.pms, START, NOW, 10)) == []


def test_rates_count_swaps_for_faults_and_say_how_few_they_are(boards: Boards) -> None:
    boards.swap(boards.boards[2], boards.spare[0], month(6), "fault")
    boards.swap(boards.boards[3], boards.spare[1], month(3), "planned")
    rates = {one.id: one for one in swap_rates(boards.of(), BOARD, "batch", NOW)}
    bad, good = rates[boards.bad], rates[boards.good]
    assert (bad.units, bad.swaps, bad.faults, bad.planned, bad.unknown) == (2, 2, 1, 1, 0)
    assert bad.unit_years == pytest.approx(270 / 365.25)
    assert bad.rate and bad.rate.value == pytest.approx(1 / bad.unit_years)
    assert bad.is_of_few
    # The spares were installed in place of those that failed: that is no swap of theirs.
    assert (good.units, good.swaps) == (4, 0)
    assert good.rate and good.rate.value == good.rate.low == 0 < good.rate.high
    (of_supplier,) = swap_rates(boards.of(), BOARD, "supplier", NOW)
    assert (of_supplier.name, of_supplier.units, of_supplier.swaps) == ("Volt Parts", 6, 2)


def test_rates_of_a_past_moment_know_nothing_of_later_swaps(boards: Boards) -> None:
    boards.swap(boards.boards[2], boards.spare[0], month(6), "fault")
    rates = {one.id: one for one in swap_rates(boards.of(), BOARD, "batch", month(5))}
    assert rates[boards.bad].swaps == 0
    assert rates[boards.bad].unit_years == pytest.approx(300 / 365.25)


def test_a_swap_that_was_corrected_away_is_not_counted(boards: Boards) -> None:
    boards.swap(boards.boards[2], boards.spare[0], month(6), "fault")
    boards.registry.do("remove", boards.spare[0], at=month(6))
    boards.registry.do("install", boards.boards[2], boards.cases[2], at=month(6))
    rates = {one.id: one for one in swap_rates(boards.of(), BOARD, "batch", NOW)}
    assert rates[boards.bad].swaps == 0


def test_a_swap_whose_time_was_corrected_still_counts(boards: Boards) -> None:
    boards.swap(boards.boards[2], boards.spare[0], month(6), "fault")
    boards.registry.do("correct", boards.spare[0], since=month(5))
    rates = {one.id: one for one in swap_rates(boards.of(), BOARD, "batch", NOW)}
    assert rates[boards.bad].faults == 1
    assert rates[boards.bad].unit_years == pytest.approx((150 + 365) / 365.25)
    found = survival(boards.of(batch_id=boards.bad), BOARD, NOW)
    assert found is not None and found.days == (150.0,)


def test_what_was_taken_out_for_a_fault_counts_as_swapped(boards: Boards) -> None:
    boards.registry.do("remove", boards.boards[2], at=month(6))
    boards.registry.do("remove", boards.boards[3], at=month(7))
    boards.say("removed", month(6), "fault")
    rates = {one.id: one for one in swap_rates(boards.of(), BOARD, "batch", NOW)}
    assert (rates[boards.bad].swaps, rates[boards.bad].faults) == (1, 1)


def test_a_spell_of_no_known_length_is_left_out(boards: Boards) -> None:
    (old, new) = boards.registry.add(BOARD, "X1", "X2")
    (case,) = boards.registry.add("case", "K9")
    boards.origin(old, boards.bad)
    boards.registry.do("install", old, case)
    boards.registry.do("swap", old, new, at=month(6))
    rates = {one.id: one for one in swap_rates(boards.of(), BOARD, "batch", NOW)}
    assert (rates[boards.bad].units, rates[boards.bad].swaps) == (2, 0)
    assert rates[boards.bad].unit_years == pytest.approx(2 * 365 / 365.25)


@pytest.mark.parametrize("events", [0, 1, 4, 30])
def test_the_interval_of_a_rate_is_exact(events: int) -> None:
    rate = rate_of(events, 2.0)
    assert rate is not None
    assert poisson.cdf(events, rate.high * 2) == pytest.approx(0.025)
    if events:
        assert poisson.sf(events - 1, rate.low * 2) == pytest.approx(0.025)


def test_parts_that_are_still_there_are_censored(boards: Boards) -> None:
    boards.swap(boards.boards[2], boards.spare[0], month(6), "fault")
    boards.swap(boards.boards[3], boards.spare[1], month(3), "planned")
    found = survival(boards.of(batch_id=boards.bad), BOARD, NOW)
    assert found is not None
    # After 180 days one was left at risk, and failed.
    assert (found.days, found.shares) == ((180.0,), (0.0,))
    assert (found.spells, found.faults) == (2, 1)
    kept = survival(boards.of(batch_id=boards.good), BOARD, NOW)
    assert kept is not None
    assert (kept.days, kept.faults, kept.spells) == ((), 0, 4)
    assert survival(boards.of(batch_id=boards.good), "ehub", NOW) is None


def test_warranties_that_end_are_listed_by_day(boards: Boards) -> None:
    days = [date(2026, 4, 1), date(2026, 3, 31), date(2026, 7, 1), None]
    for board, day in zip(boards.boards, days, strict=True):
        statement = origin.update().where(origin.c.trackable_id == board)
        db.session.execute(statement.values(warranty_until=day))
    found = ending(boards.of(), date(2026, 1, 1), date(2026, 7, 1), 10)
    assert [(w.ident, w.until) for w in found] == [("B2", days[1]), ("B1", days[0])]


def test_a_service_log_has_what_happened_inside_while_it_was_inside(boards: Boards) -> None:
    boards.swap(boards.boards[2], boards.spare[0], month(6), "fault")
    (elsewhere,) = boards.registry.add("case", "K9")
    boards.registry.do("install", boards.boards[2], elsewhere, at=month(7))
    log = list(service_log(boards.account_id, boards.pms, month(5), NOW, 10))
    assert {(e.verb, e.ident, e.cause) for e in log} == {
        ("swapped", "B3", "fault"),
        ("swapped", "S1", "fault"),
    }
