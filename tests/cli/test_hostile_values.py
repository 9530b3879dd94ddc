"""Times, ids and texts that no registry should take: each is refused in one line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from conftest import Organisation
from support.commands import Command, Failure, RegistryOf
from support.odd_times import ODD_TIMES, store_odd_time
from support.site import Site, old_ids

CHANGES = (
    ("install", "B1", "--into", "269"),
    ("remove", "B269"),
    ("swap", "B269", "B1"),
    ("move-case", "269", "--cabinet", "PMS-1-A", "--dock", "7"),
    ("register-case", "270"),
    ("register-cabinet", "PMS-1-B", "--pms", "PMS-1"),
    ("service", "269", "--note", "cleaned"),
    ("retire", "B269"),
)
TOO_EARLY = ("0001-01-01T00:00Z", "0001-01-01T00:00+14:00", "1999-12-31T23:59:59Z")
TOO_LATE = ("2999-01-01T00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00")


def ahead(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


@pytest.fixture
def site(organisation: Organisation, nobody_else: None) -> Site:
    """A PMS with a case in dock 6 that has a board, and a board in nothing."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("269", "PMS-1-A", 6)
        new.register("acquisition-board", "B269", "B1")
    site.install(("acquisition-board", "B269"), ("case", "269"))
    return site


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[0])
def test_a_change_is_from_2000_to_now(
    site: Site, fails: Failure, change: tuple[str, ...], registry_of: RegistryOf
) -> None:
    owner = ("--account", site.account_id)
    for text in (*TOO_EARLY, *TOO_LATE, ahead(minutes=3), ahead(days=200)):
        line = fails(*change, *owner, "--at", text)
        assert line.startswith("Invalid value for '--at': "), line
    for text in (ahead(days=400), *TOO_LATE, *TOO_EARLY):
        assert "'--at'" in fails(*change, *owner, "--planned", "--at", text)


def test_what_is_allowed_is_said(site: Site, fails: Failure) -> None:
    remove = ("remove", "B269", "--at")
    assert "is before the year 2000." in fails(*remove, "1999-12-31T23:59:59Z")
    line = fails(*remove, ahead(days=5))
    assert line.endswith("is in the future: if it is planned, say so with --planned.")
    assert "is more than a year ahead." in fails(*remove, "9999-01-01T00:00Z")
    assert "is more than a year ahead." in fails(*remove, ahead(days=400), "--planned")


def test_a_planned_change_may_be_a_year_ahead_and_a_clock_half_a_minute(
    site: Site, pms: Command
) -> None:
    assert "Removed" in pms("remove", "B269", "--at", ahead(days=300), "--planned").stdout
    assert "Installed" in pms("install", "B1", "--into", "269", "--at", ahead(days=310),
                              "--planned").stdout  # fmt: skip
    assert "case 269" in pms("lookup", "B269").stdout
    later = pms("lookup", "B269", "--at", ahead(days=305)).stdout
    assert "installed nowhere" in later
    assert "erviced" in pms("service", "269", "--note", "cleaned", "--at", ahead(seconds=30)).stdout


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_a_correction_keeps_to_the_same_times(site: Site, fails: Failure, option: str) -> None:
    for text in (*TOO_EARLY, *TOO_LATE, ahead(days=2)):
        assert f"'{option}'" in fails("correct", "B269", option, text, "--note", "wrong")


def test_questions_are_about_2000_to_2100(site: Site, fails: Failure, pms: Command) -> None:
    for text in (*TOO_EARLY, *TOO_LATE):
        for command in (("lookup", "269"), ("tree", "PMS-1")):
            assert "'--at'" in fails(*command, "--at", text)
        assert "'--as-known-at'" in fails("lookup", "269", "--as-known-at", text)
        assert "'--since'" in fails("completeness", "PMS-1", "--since", text)
        assert "'--since'" in fails("receipts", "list", "--since", text)
        assert "'--expires'" in fails("gateway", "add", "mast", "--expires", text)
    assert "is in the future." in fails("lookup", "269", "--as-known-at", ahead(days=1))
    assert "case 269" in pms("tree", "PMS-1", "--at", "2099-01-01T00:00Z").stdout


@pytest.mark.parametrize("bound", ODD_TIMES)
def test_what_is_stored_at_the_ends_of_the_calendar_is_shown(
    site: Site, pms: Command, bound: str
) -> None:
    store_odd_time(site, ("acquisition-board", "B269"), bound)
    store_odd_time(site, ("case", "269"), bound)
    for command in ("history", "lookup"):
        for ident in ("B269", "269"):
            pms(command, ident)
            pms(command, ident, "--json")
    pms("tree", "PMS-1")
    pms("tree", "PMS-1", "--json")


@pytest.mark.parametrize("ident", ["<b>", "a>b", 'a"b', "a'b", "a`b", "a\\b", "a“b", "a’b", "«a»",
                                   "x" * 65, "x" * 76, "x" * 200])  # fmt: skip
def test_a_new_id_is_short_and_without_markup(
    site: Site, fails: Failure, ident: str, registry_of: RegistryOf, organisation: Organisation
) -> None:
    owner = ("--account", site.account_id)
    before = registry_of(organisation).version
    for command in (
        ("register-pms", ident),
        ("register-mppt", ident),
        ("register-cabinet", ident, "--pms", "PMS-1"),
        ("register-case", ident),
        ("register-case", "300", "--board", ident),
        ("register-case", "300", "--board", "B300", "--board-alias", ident),
        ("register-case", "300", "--cell-block", ident),
        ("install", ident, "--into", "269", "--kind", "fet-board"),
        ("swap", "B269", ident),
    ):
        line = fails(*command, *owner)
        assert "use at most 64 characters, and no <, >, quotes, backslashes" in line
    assert registry_of(organisation).version == before


@pytest.mark.parametrize("kind", ["pms", "mppt", "inverter", "cabinet", "case"])
def test_an_id_of_64_characters_is_one_for_every_kind(site: Site, pms: Command, kind: str) -> None:
    ident = "Ω" * 64
    more = ("--pms", "PMS-1") if kind == "cabinet" else ()
    pms(f"register-{kind}", ident, "--account", site.account_id, *more)
    # And a sibling asset of the same name gets the kind added to it.
    other = "inverter" if kind != "inverter" else "mppt"
    pms(f"register-{other}", ident, "--account", site.account_id)
    for part in ("--board", "--fet-board", "--cell-block"):
        pms("register-case", f"case{part}", part, "Ψ" * 64, "--account", site.account_id)


def test_ids_from_before_stay_usable(site: Site, pms: Command) -> None:
    old = "<b>\"0241'</b>"
    with old_ids(), site.at_once() as new:
        new.case(old, "PMS-1-A", 3)
        new.register("acquisition-board", "B" * 80, "`B2`")
    pms("install", "B" * 80, "--into", old)
    pms("swap", "B" * 80, "`B2`")
    pms("register-case", old, "--cabinet", "PMS-1-A", "--dock", "3")
    assert old in pms("history", old).stdout
    pms("remove", "`B2`")
    pms("retire", old)


@pytest.mark.parametrize("text", ["a\x01b", "a\x7fb", "a\u0085b", "a\udc80b"])
def test_control_characters_are_refused(site: Site, fails: Failure, text: str) -> None:
    for command in (("lookup", text), ("history", text), ("tree", text), ("remove", text),
                    ("register-case", text, "--account", site.account_id),
                    ("register-case", "9", "--cell-block", text, "--account", site.account_id),
                    ("service", "269", "--note", text),
                    ("gateway", "add", text, "--account", site.account_id)):  # fmt: skip
        assert "U+" in fails(*command)


def test_a_note_may_have_lines(site: Site, pms: Command) -> None:
    pms("service", "269", "--note", "contacts cleaned\n\tfuse replaced")
    assert "fuse replaced" in pms("history", "269").stdout


@pytest.mark.parametrize("number", [1 << 31, 1 << 63, 1 << 70])
def test_a_number_beyond_all_is_refused(site: Site, fails: Failure, number: int) -> None:
    assert fails("register-pms", "P", "--account", number)
    assert fails("register-pms", "P", "--account", site.account_id, "--parent-asset", number)
    assert fails("install", "269", "--into", "PMS-1-A", "--place", number)
    assert fails("correct", "PMS-1-A", "--docks", number, "--note", "more")


def test_an_id_that_lost_its_zeros_is_refused_unless_it_is_meant(
    site: Site, pms: Command, fails: Failure
) -> None:
    owner = ("--account", site.account_id)
    pms("register-case", "0904", *owner, "--board", "00B7")
    line = fails("register-case", "904", *owner)
    assert line == (
        "'904' differs from the known case 0904 only by leading zeros: write it as it is "
        "registered, or give --allow-similar-ids for another one."
    )
    assert "case 0904" in fails("register-case", "000904", *owner)
    assert "acquisition board 00B7" in fails("swap", "00B7", "B7")
    assert "acquisition board 00B7" in fails("register-case", "1", *owner, "--board", "0B7")
    # The same id again is no other one, and other kinds have ids of their own.
    pms("register-case", "0904", *owner)
    pms("register-mppt", "904", *owner)
    pms("register-case", "904", *owner, "--allow-similar-ids")
