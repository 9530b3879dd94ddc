"""``make faults``: the harness for as long as wanted."""

from __future__ import annotations

import argparse
import random
import sys

from conftest import DATA_DIR
from faults import neighbour
from faults.run import run
from faults.world import world

from flexmeasures_pms.demo.servers import stopping_on_signals

PHASE_SECONDS = 30


def main() -> int:
    """Run the harness; the exit code tells whether every promise was kept."""
    parser = argparse.ArgumentParser(prog="make faults", description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long faults last")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument(
        "--queued", action="store_true", help="requests are kept for workers, which die too"
    )
    parser.add_argument(
        "--every",
        type=float,
        nargs=2,
        default=(0.5, 4),
        metavar=("SHORTEST", "LONGEST"),
        help="seconds between two kills: more leave time for races",
    )
    parser.add_argument(
        "--neighbour",
        action="store_true",
        help="break nothing: one organisation does its worst, and another's waits are measured",
    )
    options = parser.parse_args()
    if options.neighbour:
        return _neighbour(options.seconds)
    print(f"seed {options.seed}", flush=True)
    with stopping_on_signals(), world(DATA_DIR, queued=options.queued) as found:
        report = run(found, options.seconds, options.seed, tuple(options.every))
    print(report)
    return 0 if report.clean else 1


def _neighbour(seconds: float) -> int:
    phases = max(1, round(seconds / 2 / PHASE_SECONDS))
    with stopping_on_signals(), world(DATA_DIR, neighbour.DEFAULTS) as found:
        waits = neighbour.run(found, phases=phases, seconds=PHASE_SECONDS, every=1)
    print(waits)
    return 0 if waits.good else 1


if __name__ == "__main__":
    sys.exit(main())
