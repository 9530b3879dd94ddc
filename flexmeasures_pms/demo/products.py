"""What the demo's site is made of: parties, products and batches, and which thing is of which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing import batches, parties, products
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.origins import state_origin
from flexmeasures_pms.registry.editing.parties import PartyDetails
from flexmeasures_pms.registry.kinds import BOARD, CASE, CELL_BLOCK, FET_BOARD

BOARDS, OTHER_BOARDS = "Example Boards", "Example Circuits"
CELLS, SERVICE = "Example Cells", "Example Service"
PARTIES: Mapping[str, PartyDetails] = {
    BOARDS: {"roles": ["supplier"], "email": "sales@boards.example"},
    OTHER_BOARDS: {"roles": ["supplier"], "email": "sales@circuits.example"},
    CELLS: {"roles": ["supplier"], "email": "sales@cells.example"},
    SERVICE: {"roles": ["service company"], "email": "help@service.example"},
}

VENDOR = "ACME"


@dataclass(frozen=True, slots=True)
class DemoProduct:
    """A product of ACME; its parameters are those of the simulated devices."""

    kind: str
    model: str
    revision: str
    parameters: Mapping[str, object]

    @property
    def name(self) -> str:
        """Its name in the registry."""
        return f"{VENDOR} {self.model} {self.revision}"


@dataclass(frozen=True, slots=True)
class DemoBatch:
    """A batch and its purchase, in days since the site began to work.

    :param warranty: [days] since the purchase.
    """

    product: DemoProduct
    lot: str
    supplier: str
    purchase: str
    made: int
    purchased: int
    warranty: int


_CASE = DemoProduct(
    CASE,
    "P14",
    "A",
    {
        "chemistry": "NMC/LMO",
        "rated_capacity_Ah": 54,
        "lowest_voltage_V": 42,
        "highest_voltage_V": 58.8,
    },
)
_BOARD = DemoProduct(BOARD, "AB-14", "v2", {"voltage_inputs": 14, "temperature_inputs": 4})
_FET_BOARD = DemoProduct(FET_BOARD, "FB-48", "B", {})
_CELL_BLOCK = DemoProduct(
    CELL_BLOCK,
    "CB-54",
    "A",
    {
        "chemistry": "NMC/LMO",
        "rated_capacity_Ah": 54,
        "lowest_voltage_V": 3,
        "highest_voltage_V": 4.2,
    },
)

CASES = DemoBatch(_CASE, "P-04", CELLS, "PO-1001", -80, -50, 5 * 365)
CELL_BLOCKS = DemoBatch(_CELL_BLOCK, "C-08", CELLS, "PO-1001", -120, -50, 10 * 365)
FET_BOARDS = DemoBatch(_FET_BOARD, "F-03", OTHER_BOARDS, "PO-1002", -90, -40, 800)
GOOD_BOARDS = DemoBatch(_BOARD, "B-11", BOARDS, "PO-1003", -75, -30, 3 * 365)
BAD_BOARDS = DemoBatch(_BOARD, "B-12", BOARDS, "PO-1003", -60, -30, 3 * 365)
NEW_BOARDS = DemoBatch(_BOARD, "B-17", OTHER_BOARDS, "PO-1019", 40, 60, 3 * 365)
BATCHES = (CASES, CELL_BLOCKS, FET_BOARDS, GOOD_BOARDS, BAD_BOARDS, NEW_BOARDS)


def register_records(changeset: Changeset, began: date) -> None:
    """Register the parties, products and batches.

    :param began: the day on which the site began to work.
    """
    for name, details in PARTIES.items():
        parties.register_party(changeset, name, **details)
    for batch in BATCHES:
        of = batch.product
        product = products.register_product(
            changeset, of.kind, VENDOR, of.model, of.revision, parameters=of.parameters
        )
        batches.register_batch(
            changeset,
            product,
            batch.lot,
            made_on=_day(began, batch.made),
            supplier=batch.supplier,
            purchase=batch.purchase,
        )


def state_batch(
    changeset: Changeset, thing: Entry, batch: DemoBatch, began: date, serial: str | None = None
) -> None:
    """Say of which batch a thing is, and until when it has a warranty.

    :param began: the day on which the site began to work.
    """
    state_origin(
        changeset,
        thing,
        product=batch.product.name,
        batch=batch.lot,
        serial=serial,
        purchased_on=_day(began, batch.purchased),
        warranty_until=_day(began, batch.purchased + batch.warranty),
    )


def _day(began: date, days: int) -> date:
    return began + timedelta(days=days)
