"""How much there is behind a tab of the second menu: in quarantine, and of receipts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flexmeasures_pms.storage.intake import journal, receipts, waiting
from flexmeasures_pms.ui.language.figures import number
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.page.access import one_organisation

MOST = 999
"""What is more is not counted further: the menu is on every page."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TabCount:
    """The number on a tab.

    :param text: the number.
    :param meaning: of what, in words.
    :param bad: somebody has to look.
    """

    text: str
    meaning: str
    bad: bool = False


def tab_counts() -> dict[str, tuple[TabCount, ...]]:
    """Return the numbers of the tabs that have some, for the organisation that they open."""
    account = one_organisation().id
    return {"quarantine": tuple(_held(account)), "receipts": tuple(_receipts(account))}


def _held(account: int) -> Iterator[TabCount]:
    if held := waiting.up_to(account, MOST + 1):
        yield TabCount(_text(held), _("waiting in quarantine"))


def _receipts(account: int) -> Iterator[TabCount]:
    if received := receipts.received_since(account, datetime.now(UTC) - DAY, MOST + 1):
        yield TabCount(_text(received), _("received in the last 24 hours"))
    by_state = journal.counted(account, MOST + 1)
    if unstored := sum(by_state.values()):
        yield TabCount(_text(unstored), _("not stored yet"), bad=bool(by_state.get("failed")))


def _text(count: int) -> str:
    return number(count) if count <= MOST else f"{number(MOST)}+"
