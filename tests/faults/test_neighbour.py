"""Nobody is refused for what another organisation does: a short run.

``make faults ARGS=--neighbour`` measures how long they wait, for as long as wanted.
"""

from __future__ import annotations

from conftest import DATA_DIR
from faults import neighbour
from faults.world import world


def test_one_organisations_worst_keeps_no_other_from_reporting() -> None:
    with world(DATA_DIR, neighbour.DEFAULTS) as running:
        found = neighbour.run(running, phases=1, seconds=5, every=0.1)
    print(found)
    assert len(found.beside) == 50
    assert not found.wrong, str(found)
    refused = sum(n for reply, n in found.replies.items() if reply.endswith(": 429"))
    assert refused, "the wild organisation never met its limits"
