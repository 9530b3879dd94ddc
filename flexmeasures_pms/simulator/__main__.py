"""``python -m flexmeasures_pms.simulator``: write simulated telemetry to files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.simulator.files import written
from flexmeasures_pms.simulator.fleet import fleet_layout
from flexmeasures_pms.simulator.registry_csv import registry_csv
from flexmeasures_pms.simulator.site import SIMULATED, SimulatedRequest, Site

EPILOG = """\
example:
  python -m flexmeasures_pms.simulator --start 2026-01-05T00:00+07:00 \\
      --end 2026-01-06T00:00+07:00 --step 60 --out day/ --gzip

A folder gets pms, mppt and inverter files and the registry.csv that goes with them; a
file gets one dataset. The same arguments always give the same bytes.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files that the arguments specify.

    :returns: the exit code: 0, or 2 with one line on stderr for unusable arguments.
    """
    args = _parser().parse_args(argv)
    try:
        swap_at = args.swap_at or _middle(args.start, args.end)
        layout = fleet_layout(args.pms, args.cabinets, args.packs, swap_at=swap_at)
        site = Site(layout, args.seed)
        requests = site.requests(
            args.start, args.end, args.step, samples_per_request=args.samples_per_request
        )
        targets = _targets(args.out, args.dataset, args.format, args.gzip)
        count = _write(requests, targets)
        if _is_folder(args.out):
            (args.out / "registry.csv").write_text(registry_csv(layout))
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"Wrote {count} samples to {', '.join(str(path) for path in targets.values())}.")
    return 0


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no offset, such as +07:00")
    return time


def _seconds(text: str) -> timedelta:
    return timedelta(seconds=float(text))


def _middle(start: datetime, end: datetime) -> datetime:
    """Return the middle of the period to the whole minute."""
    return (start + (end - start) / 2).replace(second=0, microsecond=0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flexmeasures_pms.simulator",
        description="Write the telemetry of a simulated site to files.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--start", type=_time, required=True, help="first reading, ISO 8601")
    parser.add_argument("--end", type=_time, required=True, help="the readings end before it")
    parser.add_argument("--step", type=_seconds, required=True, help="seconds between readings")
    parser.add_argument("--out", type=Path, required=True, help="a file or a folder")
    parser.add_argument("--format", choices=("jsonl", "csv"), default="jsonl")
    parser.add_argument("--gzip", action="store_true", help="compress, always to the same bytes")
    parser.add_argument("--dataset", choices=SIMULATED, default="pms", help="of a single file")
    parser.add_argument("--samples-per-request", type=int, default=1, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pms", type=int, default=1, help="number of PMSs")
    parser.add_argument("--cabinets", type=int, default=2, help="per PMS, 1-4")
    parser.add_argument("--packs", type=int, default=6, help="per cabinet, 1-12")
    parser.add_argument(
        "--swap-at", type=_time, help="when a pack moves (default: the middle of the period)"
    )
    return parser


def _is_folder(out: Path) -> bool:
    return out.is_dir() or not out.suffix


def _targets(
    out: Path, dataset: DatasetName, format_: str, packed: bool
) -> dict[DatasetName, Path]:
    """Return the file of each dataset that is to be written."""
    if not _is_folder(out):
        if format_ == "csv" and dataset != "pms":
            raise ValueError(f"There is no CSV of {dataset} samples: use --format jsonl.")
        return {dataset: out.with_name(out.name + ".gz") if packed and out.suffix != ".gz" else out}
    out.mkdir(parents=True, exist_ok=True)
    ending = ".gz" if packed else ""
    return {
        name: out / f"{name}.{format_ if name == 'pms' else 'jsonl'}{ending}" for name in SIMULATED
    }


def _write(requests: Iterable[SimulatedRequest], targets: dict[DatasetName, Path]) -> int:
    """Write each request to the file of its dataset and return the number of samples."""
    count = 0
    with ExitStack() as files:
        writers = {name: files.enter_context(written(path)) for name, path in targets.items()}
        for request in requests:
            if request.dataset in writers:
                writers[request.dataset](request)
                count += request.samples
    return count


if __name__ == "__main__":
    sys.exit(main())
