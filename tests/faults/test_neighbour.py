"""Nobody has to wait for what another organisation does: a short run.

``make faults ARGS=--neighbour`` runs it for as long as wanted.
"""

from __future__ import annotations

from conftest import DATA_DIR
from faults import neighbour
from faults.world import world


def test_one_organisations_worst_is_hardly_noticed_by_another() -> None:
    with world(DATA_DIR, neighbour.DEFAULTS) as running:
        found = neighbour.run(running, phases=2, seconds=4, every=0.2)
        if not found.good:  # the machine does other things, too
            print(found)
            found = neighbour.run(running, phases=3, seconds=4, every=0.2)
    print(found)
    assert found.beside
    assert found.good, str(found)
