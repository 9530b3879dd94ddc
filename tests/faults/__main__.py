"""``make faults``: the harness for as long as wanted."""

from __future__ import annotations

import argparse
import random
import sys

from conftest import DATA_DIR
from faults.run import run
from faults.world import world

from flexmeasures_pms.demo.servers import stopping_on_signals


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
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with stopping_on_signals(), world(DATA_DIR, queued=options.queued) as found:
        report = run(found, options.seconds, options.seed, tuple(options.every))
    print(report)
    return 0 if report.clean else 1


if __name__ == "__main__":
    sys.exit(main())
