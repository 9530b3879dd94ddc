"""What tests of a database that fails have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from support.changed import changed_settings


@pytest.fixture
def short_lock_timeout(app_context: Flask) -> Iterator[None]:
    """Wait for a lock hardly at all; statements may take as long as they usually may."""
    with changed_settings(app_context, lock_timeout=0.1):
        yield


@pytest.fixture
def short_statement_timeout(app_context: Flask) -> Iterator[None]:
    """Let no statement take long; those of the tests are done in a hundredth of this."""
    with changed_settings(app_context, statement_timeout=0.5):
        yield
