"""The registry in memory is never stale."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa
from conftest import Organisation
from flask import Flask
from support.registry import Registry

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def in_another_process(app: Flask, action: Callable[[], object]) -> None:
    """Run something in a session of its own, as another process would."""
    failures = []

    def run() -> None:
        from flexmeasures.data import db

        with app.app_context():
            try:
                action()
                db.session.commit()
            except BaseException as error:  # noqa: BLE001 (it is raised again below)
                failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def test_what_another_process_registers_is_seen_by_the_next_question(
    app: Flask, registry: Registry
) -> None:
    from flexmeasures.data import db

    registry.add("case", "1")
    db.session.commit()
    assert registry.directory.find("case", "2") is None
    in_another_process(app, lambda: registry.add("case", "2"))
    assert registry.directory.find("case", "2") is not None


def test_what_was_rolled_back_is_forgotten_even_if_it_was_read(
    app: Flask, registry: Registry
) -> None:
    from flexmeasures.data import db

    registry.add("case", "1")
    db.session.commit()
    registry.add("case", "undone")
    assert registry.directory.find("case", "undone") is not None
    db.session.rollback()
    in_another_process(app, lambda: registry.add("case", "2"))
    known = registry.directory
    assert known.find("case", "undone") is None
    assert known.find("case", "2") is not None


def test_an_asset_that_is_linked_or_deleted_is_noticed(registry: Registry) -> None:
    from flexmeasures.data import db
    from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType

    from flexmeasures_pms.registry.editing.assets import link

    (case,) = registry.add("case", "1")
    kind = db.session.scalar(sa.select(GenericAssetType).limit(1))
    kind = kind or GenericAssetType(name=f"of-test-{registry.account_id}")
    asset = GenericAsset(name="one", generic_asset_type=kind, account_id=registry.account_id)
    db.session.add(asset)
    db.session.flush()
    assert registry.directory.entry(case).asset_id is None
    link(registry.account_id, {case: asset.id})
    assert registry.directory.entry(case).asset_id == asset.id
    db.session.delete(asset)
    db.session.flush()
    assert registry.directory.entry(case).asset_id is None


def test_two_processes_change_one_registry_one_after_the_other(
    app: Flask, registry: Registry
) -> None:
    from flexmeasures.data import db

    (cabinet,) = registry.add("cabinet", "C")
    cases = registry.add("case", *map(str, range(4)))
    db.session.commit()
    outcomes = []

    def dock(case: int) -> None:
        from flexmeasures_pms.errors import RegistryConflict

        with app.app_context():
            try:
                registry.do("install", case, cabinet, place=1, at=NOON)
                db.session.commit()
                outcomes.append("docked")
            except RegistryConflict:
                db.session.rollback()
                outcomes.append("taken")

    threads = [threading.Thread(target=dock, args=(case,)) for case in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["docked", "taken", "taken", "taken"]


def test_an_organisation_without_a_registry_has_an_empty_one(
    organisation: Organisation, app_context: Flask
) -> None:
    from flexmeasures_pms.registry.loading.load import load_directory

    known = load_directory(organisation.id, packs=["269"])
    assert (known.version, known.entries.get(1)) == (0, None)
    assert known.resolve_pack("269", NOON) is None
