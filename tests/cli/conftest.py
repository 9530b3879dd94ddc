"""Commands of ``flexmeasures pms``, for tests."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import Result
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskCliRunner
from support.commands import Command, Failure, RegistryOf


@pytest.fixture
def pms(runner: FlaskCliRunner) -> Command:
    """Run a command that must succeed: ``pms("lookup", "269")``."""

    def run(*args: object) -> Result:
        result = runner.invoke(args=["pms", *map(str, args)])
        assert result.exit_code == 0, result.output
        return result

    return run


@pytest.fixture
def fails(runner: FlaskCliRunner) -> Failure:
    """Run a command that must fail with one line, and return the line."""

    def run(*args: object) -> str:
        result = runner.invoke(args=["pms", *map(str, args)])
        assert result.exit_code != 0, result.output
        assert result.stdout == ""
        *usage, line = result.stderr.splitlines()
        assert line.startswith("Error: ")
        assert all(text.startswith(("Usage:", "Try")) or not text for text in usage)
        return line.removeprefix("Error: ")

    return run


@pytest.fixture
def registry_of(app_context: Flask) -> RegistryOf:
    """Read the registry of an organisation as it is now."""

    def read(owner: Organisation) -> Any:
        from flexmeasures.data import db

        from flexmeasures_pms.registry.loading import snapshot

        db.session.rollback()
        return snapshot.read(owner.id)

    return read


@pytest.fixture
def nobody_else(app_context: Flask) -> None:
    """Take the registries of earlier tests away: ids are looked up in all organisations."""
    import sqlalchemy as sa
    from flexmeasures.data import db

    db.session.execute(sa.text("DELETE FROM pms_trackable"))
    db.session.commit()
