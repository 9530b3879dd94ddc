"""Registries to try changes on."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Organisation
from support.registry import Registry


@pytest.fixture
def registry(organisation: Organisation) -> Registry:
    """The empty registry of an organisation of this test alone."""
    return Registry(organisation.id)


@pytest.fixture
def other_registry(other_organisation: Organisation) -> Registry:
    """The registry of another organisation."""
    return Registry(other_organisation.id)


@pytest.fixture
def two_registries(make_organisation: Any) -> Any:
    """Make two empty registries, as often as it is called."""

    def run() -> tuple[Registry, Registry]:
        return Registry(make_organisation().id), Registry(make_organisation().id)

    return run
