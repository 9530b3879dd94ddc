"""What tests of a database that fails have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask


@pytest.fixture
def hasty(app_context: Flask) -> Iterator[None]:
    """Wait for locks and statements no longer than a second."""
    before = app_context.extensions["flexmeasures_pms"]
    app_context.extensions["flexmeasures_pms"] = replace(
        before, lock_timeout=1, statement_timeout=1
    )
    yield
    app_context.extensions["flexmeasures_pms"] = before
