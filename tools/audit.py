"""``make audit``: compare known holes of what we install with those that we accept.

``pip-audit`` looks up the packages of ``requirements-dev.txt`` (all of
``requirements.txt``, at the same versions, and what development needs), ``npm audit`` those of
``assets/package-lock.json``. It fails for a hole that ``audit.toml`` does not list, for one
that it lists and nobody reports any more, and where the advisories can't be asked for all
packages: silence is no proof.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ACCEPTED = ROOT / "audit.toml"
PIP = ("--requirement", "requirements-dev.txt", "--no-deps", "--disable-pip", "--format", "json")
NPM = ("audit", "--package-lock-only", "--json")


class AuditError(Exception):
    """The advisories could not be asked, or the list can't be read."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A known hole in a package.

    :param ids: under which it is known, such as GHSA and CVE numbers.
    :param fix: the versions without it, in words.
    """

    package: str
    ids: frozenset[str]
    fix: str


def main(pip_audit: str) -> int:
    """Print what has to be done, and return the exit code."""
    try:
        accepted = accepted_ids(tomllib.loads(ACCEPTED.read_text()))
        found = [*pip_holes(run([pip_audit, *PIP], ROOT)), *npm_holes(run(_npm(), ROOT / "assets"))]
    except AuditError as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    faults = list(compare(found, accepted))
    for line in faults or [f"{len(found)} known holes, all of them listed in {ACCEPTED.name}."]:
        print(line)
    return 1 if faults else 0


def run(command: Collection[str], folder: Path) -> Any:
    """Run a program that prints JSON, and return that; its exit code says only what it found.

    :raises AuditError: if it does not run, or prints something else.
    """
    try:
        done = subprocess.run(
            list(command), cwd=folder, capture_output=True, text=True, check=False
        )
        return json.loads(done.stdout)
    except (OSError, ValueError) as error:
        lines = done.stderr.strip().splitlines() if isinstance(error, ValueError) else [str(error)]
        said = lines[-1] if lines else "nothing"
        raise AuditError(f"{Path(next(iter(command))).name} gave no answer: {said}") from error


def pip_holes(answer: Mapping[str, Any]) -> Iterator[Hole]:
    """Yield the holes in an answer of pip-audit.

    :raises AuditError: if it could not look up a package.
    """
    skipped = [one["name"] for one in answer["dependencies"] if "skip_reason" in one]
    if skipped:
        raise AuditError(
            f"pip-audit could not look up {len(skipped)} packages, the first {skipped[0]}: the "
            "advisories of the package index can't be reached."
        )
    for one in answer["dependencies"]:
        for hole in one["vulns"]:
            fix = ", ".join(hole["fix_versions"]) or "no version yet"
            yield Hole(one["name"], frozenset([hole["id"], *hole["aliases"]]), fix)


def npm_holes(answer: Mapping[str, Any]) -> Iterator[Hole]:
    """Yield the holes in an answer of ``npm audit``.

    :raises AuditError: if the registry did not answer.
    """
    if "vulnerabilities" not in answer:
        raise AuditError(f"npm audit got no advisories: {answer.get('message', answer)}")
    seen = set()
    for package in answer["vulnerabilities"].values():
        for hole in package["via"]:
            # A text names another package of the answer, through which this one has a hole.
            if isinstance(hole, str) or (ident := hole["url"].rpartition("/")[2]) in seen:
                continue
            seen.add(ident)
            yield Hole(hole["name"], frozenset([ident]), f"not {hole['range']}")


def accepted_ids(listed: Mapping[str, Any]) -> dict[str, str]:
    """Return the package of each accepted hole by its id.

    :raises AuditError: for an entry without its package, reason or date.
    """
    for entry in listed.get("accepted", ()):
        lacking = [name for name in ("id", "package", "reason") if not entry.get(name)]
        if lacking or not isinstance(entry.get("date"), date):
            raise AuditError(f"{ACCEPTED.name}: {entry} lacks {', '.join(lacking) or 'its date'}.")
    return {entry["id"]: entry["package"] for entry in listed.get("accepted", ())}


def compare(found: Collection[Hole], accepted: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each hole that is not listed, and for each listed one that is gone."""
    for hole in found:
        if not hole.ids & accepted.keys():
            ids = ", ".join(sorted(hole.ids))
            fix = f"fixed in: {hole.fix}. Upgrade it, or list it."
            yield f"{hole.package} has a known hole ({ids}), {fix}"
    known = frozenset().union(*(hole.ids for hole in found))
    for ident in accepted.keys() - known:
        yield f"{accepted[ident]} has {ident} no more: remove it from {ACCEPTED.name}."


def _npm() -> list[str]:
    sys.path.insert(0, str(ROOT))
    from tools.assets import AssetsError, npm

    try:
        return [*npm(), *NPM]
    except AssetsError as error:
        raise AuditError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
