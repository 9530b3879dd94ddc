"""Nobody has to wait for what another organisation does: a short run.

``make faults ARGS=--neighbour`` runs it for as long as wanted.
"""

from __future__ import annotations

from conftest import DATA_DIR
from faults import neighbour
from faults.world import world


def test_one_organisations_worst_is_hardly_noticed_by_another() -> None:
    with world(DATA_DIR, neighbour.DEFAULTS) as running:
        # One phase: within the same minute a second one would be refused at once.
        found = neighbour.run(running, phases=1, seconds=5, every=0.1)
        if not found.good:  # the machine does other things, too
            print(found)
            running.empty_redis()
            found = neighbour.run(running, phases=1, seconds=5, every=0.1)
    print(found)
    assert found.beside
    assert found.good, str(found)
