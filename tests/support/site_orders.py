"""The orders that build a whole site: 4 cabinets, 48 packs and their parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flexmeasures_pms.registry.kinds import DEFAULT_DOCKS

CELL_BLOCKS = 14


def site_orders(pms: str = "PMS-1", *, cabinets: int = 4, docks: int = DEFAULT_DOCKS) -> list[Any]:
    """Return the orders of a site, whose ids all begin with that of its PMS."""
    return list(_site(pms, cabinets, docks))


def _site(pms: str, cabinets: int, docks: int) -> Iterator[dict[str, Any]]:
    yield {"order": "register", "kind": "pms", "id": pms, "timezone": "Asia/Jakarta"}
    for position in range(1, cabinets + 1):
        cabinet = f"{pms}-C{position}"
        yield {"order": "register", "kind": "cabinet", "id": cabinet, "docks": docks}
        yield _installed("cabinet", cabinet, pms, position)
        yield _installed("ehub", f"{cabinet}-EHUB", cabinet)
        yield _installed("busbar", f"{cabinet}-BAR", cabinet)
        for dock in range(1, docks + 1):
            yield from _case(f"{cabinet}-P{dock:02}", cabinet, dock)


def _case(case: str, cabinet: str, dock: int) -> Iterator[dict[str, Any]]:
    yield {"order": "register", "kind": "case", "id": case}
    for kind, ident, place in (
        ("acquisition-board", f"{case}-ACQ", None),
        ("fet-board", f"{case}-FET", None),
        *(("cell-block", f"{case}-B{n:02}", n) for n in range(1, CELL_BLOCKS + 1)),
    ):
        yield {"order": "register", "kind": kind, "id": ident}
        yield _installed(kind, ident, case, place)
    yield _installed("case", case, cabinet, dock) | {"own_dock": True}


def _installed(kind: str, ident: str, into: str, place: int | None = None) -> dict[str, Any]:
    order = {"order": "install", "kind": kind, "id": ident, "into": into}
    return order if place is None else order | {"place": place}
