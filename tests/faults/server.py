"""The server under test: FlexMeasures with the plugin and the two organisations.

Gunicorn imports this in the process that it starts; ``python -m faults.server`` only
migrates the database of the configuration.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from faults import plant
from faults import registry_plan as plan

if TYPE_CHECKING:
    from flask import Flask

FOLDER_VARIABLE = "PMS_FAULTS_FOLDER"
ACCOUNTS = "accounts.json"


def application() -> Flask:
    """Make the application; at its first start also the organisations."""
    from flexmeasures.app import create
    from flexmeasures.data import db

    app: Flask = create()
    logging.getLogger("gunicorn.error").disabled = False  # FlexMeasures silences who came first
    accounts = Path(os.environ[FOLDER_VARIABLE]) / ACCOUNTS
    with app.app_context():
        if not accounts.exists():
            made = [_organisation(app, n, name) for n, name in enumerate(plant.ORGANISATIONS)]
            accounts.write_text(json.dumps(made))
        db.session.remove()
        db.engine.dispose()  # workers are forked from here
    return app


def _organisation(app: Flask, number: int, name: str) -> dict[str, object]:
    from flexmeasures.data import db
    from flexmeasures.data.services.users import create_user
    from support.gateways import make_key
    from support.session import session_cookie

    user = create_user(
        email=f"{name.lower()}@gateways.example",
        password="not-a-secret-here",
        account_name=name,
        user_roles=["account-admin"],
        check_email_deliverability=False,
    )
    db.session.commit()
    _register(user.account_id, number)
    _register_changing(user.account_id)
    token = {"Authorization": user.get_auth_token()}
    return {
        "id": user.account_id,
        "cookie": session_cookie(app, user),
        # Each of them may send everything; those of `some` nothing of an unknown device.
        "all": {f"user:{user.id}": token, "gateway:mast": make_key(user.account_id, name="mast")},
        "some": {"gateway:hut": make_key(user.account_id, *plant.DEVICES, name="hut")},
    }


def _register(account_id: int, number: int) -> None:
    from support.site import Site

    site = Site(account_id)
    site.pms(plant.PMS, cabinets=len(plant.CABINETS))
    for cabinet, cases in plant.CABINETS.items():
        site.register("case", *cases)
        for dock, case in enumerate(cases, start=1):
            site.install(("case", case), ("cabinet", cabinet), place=dock)
    site.register("mppt", plant.MPPT)
    site.register("inverter", plant.INVERTER)
    if number:
        site.register("case", plant.ONLY_SOUTH)
    for board, cases in plant.BOARDS[number].items():
        site.register("acquisition-board", board)
        site.install(("acquisition-board", board), ("case", cases[0]))
        for case in cases[1:]:
            site.remove(("acquisition-board", board), at=plant.MOVE_AT)
            site.install(("acquisition-board", board), ("case", case), at=plant.MOVE_AT)


def _register_changing(account_id: int) -> None:
    """Register what is changed during the run, as it is at the start."""
    from support.site import AUTHOR, commit

    from flexmeasures_pms.registry.editing import moves, registration
    from flexmeasures_pms.registry.editing.writer import editing

    with editing(account_id, AUTHOR) as changeset:
        pms = registration.register(changeset, "pms", plan.PMS, timezone="Asia/Jakarta")
        racks = {}
        for position, (cabinet, docks) in enumerate(plan.DOCKS.items(), start=1):
            racks[cabinet] = registration.register(changeset, "cabinet", cabinet, docks=docks)
            moves.install(changeset, racks[cabinet], pms, position)
        entries = {}
        still = [case for group in plan.GROUPS for case in plan.CASES_OF[group]]
        docked = {case: f"{plan.BOARDS_CABINET}/{dock}" for dock, case in enumerate(still, 1)}
        docked |= {case: f"{plan.CASES_CABINET}/{docks[0]}" for case, docks in plan.HOPPERS.items()}
        docked |= {s.part: s.place for s in plan.first_stays() if s.part in plan.MOVERS}
        for case, place in docked.items():
            entries[case] = registration.register(changeset, "case", case)
            cabinet, dock = place.split("/")
            moves.install(changeset, entries[case], racks[cabinet], int(dock))
        for stay in plan.first_stays():
            if stay.place in entries:
                board = registration.register(changeset, plan.BOARD, stay.part)
                moves.install(changeset, board, entries[stay.place])
    commit(changeset.change())


if __name__ == "__main__":
    from flexmeasures.app import create

    from flexmeasures_pms.demo.prepare import migrate

    with create().app_context():
        migrate()
