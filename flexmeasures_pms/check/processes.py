"""What a web process needs besides: packages, files of its own, threads and connections."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement
from sqlalchemy import QueuePool

from flexmeasures_pms.check.findings import CheckResult

PACKAGE = "flexmeasures-pms"


def packages() -> Iterator[CheckResult]:
    """Yield what is installed, and what is not as it has to be."""
    good = True
    for requirement in map(Requirement, metadata.requires(PACKAGE) or ()):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            there = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            there = ""
        if not requirement.specifier.contains(there or "0", prereleases=True):
            good = False
            state = f"{requirement.name} is {there}" if there else f"{requirement.name} is missing"
            yield CheckResult("fix", "packages", f"{state}: run pip install '{requirement}'")
    if good:
        versions = f"FlexMeasures {metadata.version('flexmeasures')} with {PACKAGE} "
        yield CheckResult("ok", "packages", f"{versions}{metadata.version(PACKAGE)}.")


def offline_assets(config: dict[str, Any]) -> CheckResult | None:
    """Return whether the files that pages load from here are there, if the host wants them."""
    if config.get("PMS_OFFLINE_ASSETS") is not True:
        return None
    from flexmeasures_pms.ui.offline.serve import missing_files

    if problem := missing_files():
        return CheckResult("fix", "offline assets", problem)
    return CheckResult("ok", "offline assets", "All files are there.")


def threads(config: dict[str, Any], at_once: int) -> CheckResult:
    """Return how many threads a web process should have, and whether connections suffice.

    :param at_once: ``PMS_ORGANISATION_REQUESTS``.
    """
    needed = 3 * at_once + 2
    pool = _pool(config.get("SQLALCHEMY_ENGINE_OPTIONS") or {})
    named = re.search(r"--threads[= ](\d+)", os.environ.get("GUNICORN_CMD_ARGS", ""))
    threads = int(named[1]) if named else needed
    if threads < needed:
        said = f"GUNICORN_CMD_ARGS says {threads} threads; give each process {needed} or more."
        return CheckResult("fix", "threads", said)
    if pool is not None and threads > pool:
        said = f"{threads} threads need as many connections, and the pool has {pool}: raise "
        said = f"{said}max_overflow in SQLALCHEMY_ENGINE_OPTIONS, beside its other values."
        return CheckResult("fix", "threads", said)
    most = f"to {pool}" if pool is not None else "or more"
    said = f"Give each web process {needed} {most} (gunicorn --worker-class gthread --threads"
    return CheckResult("ok" if named else "note", "threads", f"{said} {needed}).")


def _pool(options: Mapping[str, Any]) -> int | None:
    """Return how many connections a process may have, as SQLAlchemy counts; None for no limit."""
    kind = options.get("poolclass", QueuePool)
    size, more = options.get("pool_size", 5), options.get("max_overflow", 10)
    return None if kind is not QueuePool or size == 0 or more < 0 else size + more
