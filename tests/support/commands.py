"""Commands of ``flexmeasures pms`` in tests: what the fixtures of ``tests/cli`` give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from click.testing import Result
from conftest import Organisation

Command = Callable[..., Result]
"""Runs a command that must succeed: ``pms("lookup", "269")``."""

Failure = Callable[..., str]
"""Runs a command that must fail with one line, and returns the line."""

RegistryOf = Callable[[Organisation], Any]
"""Reads the registry of an organisation as it is now."""
