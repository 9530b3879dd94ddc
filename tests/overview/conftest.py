"""A site whose packs report."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.reporting import report
from support.site import Site

Post = Callable[..., dict[str, Any]]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    """The registry of the test's organisation."""
    return Site(organisation.id)


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Post:
    """Send samples: ``post(sample, pms_id="PMS-1")``, and return the receipt."""
    return partial(report, client, organisation.headers)
