"""The command line: ``flexmeasures pms``, one file for each group of commands."""

from flexmeasures_pms.cli import (
    adopt,
    batch,
    completeness,
    db,
    export_registry,
    gateway,
    import_registry,
    ingest,
    journal,
    look,
    parts,
    quarantine,
    receipts,
    recording,
    register,
    service,
    worker,
)
from flexmeasures_pms.cli.blueprint import pms_cli

__all__ = [
    "adopt",
    "batch",
    "completeness",
    "db",
    "export_registry",
    "gateway",
    "import_registry",
    "ingest",
    "journal",
    "look",
    "parts",
    "pms_cli",
    "quarantine",
    "receipts",
    "recording",
    "register",
    "service",
    "worker",
]
