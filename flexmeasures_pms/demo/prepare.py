"""Bring a FlexMeasures application to the state the demo begins with.

Runs inside the application, because starting FlexMeasures takes seconds. Where there is a
command, it uses that command, as a user would.
"""

from __future__ import annotations

import logging
import secrets
import tempfile
from pathlib import Path

import click
import flask_migrate
import msgspec
from flask import Flask
from flask.cli import ScriptInfo
from flexmeasures.data import db
from flexmeasures.data.models.user import User
from flexmeasures.data.services.users import create_user
from flexmeasures.utils.config_utils import configure_logging
from sqlalchemy import select

from flexmeasures_pms.demo.account import ServerError
from flexmeasures_pms.demo.history import register_history
from flexmeasures_pms.demo.store import Access, keep, recall, site_now
from flexmeasures_pms.migrations import sample_tables, schema
from flexmeasures_pms.simulator import Layout, demo_layout, registry_csv
from flexmeasures_pms.storage.adoption.adopt import adopt, planned

ORGANISATION = "Battery demo"
ADMIN = "admin@pms-demo.example"
VIEWER = "viewer@pms-demo.example"

# The first user may do everything in FlexMeasures; the second is an ordinary member.
ROLES = {ADMIN: ["admin", "account-admin"], VIEWER: []}


def prepare(app: Flask, data_dir: Path) -> None:
    """Migrate; at the first start create the organisation, and register the site's past and it."""
    with app.app_context():
        migrate()
        access = recall(data_dir, Access)
        if access is None or _user(access.email) is None:
            access = _make_organisation()
            keep(data_dir, access)
        if not access.complete:
            register_history(access.account_id, demo_layout(), site_now())
            register_site(app, demo_layout(), access.account_id)
            keep(data_dir, msgspec.structs.replace(access, complete=True))
        db.session.remove()
        # Workers are forked from here: they must not share a connection.
        db.engine.dispose()


def migrate() -> None:
    """Upgrade the tables of FlexMeasures, then those of the plugin."""
    flask_migrate.upgrade()
    schema.upgrade()
    if not sample_tables.is_adopted(db.session.connection()):
        adopt(planned(), lambda _days: None)
    # FlexMeasures' migrations configure logging and disable all other loggers.
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False
    configure_logging()


def _user(email: str) -> User | None:
    found: User | None = db.session.scalars(select(User).filter_by(email=email)).one_or_none()
    return found


def _make_organisation() -> Access:
    """Create the organisation and its two users.

    :raises ServerError: for a database that has them already, from another data folder.
    """
    passwords = {}
    for email, roles in ROLES.items():
        if _user(email) is not None:
            raise ServerError(
                f"The database has a user {email} of another demo: use that demo's data "
                "folder (--data-dir), or another database."
            )
        passwords[email] = secrets.token_hex(6)
        create_user(
            email=email,
            password=passwords[email],
            account_name=ORGANISATION,
            user_roles=roles,
            timezone=demo_layout().timezone,
            check_email_deliverability=False,
        )
    db.session.commit()
    admin = _user(ADMIN)
    assert admin is not None  # noqa: S101 - made above
    return Access(
        account_id=admin.account_id,
        email=ADMIN,
        password=passwords[ADMIN],
        auth_token=admin.get_auth_token(),
        viewer_email=VIEWER,
        viewer_password=passwords[VIEWER],
    )


def register_site(app: Flask, layout: Layout, account_id: int) -> None:
    """Register the layout's PMS, cabinets, cases with their parts, MPPTs and inverters."""
    account = ["--account", str(account_id)]
    place = ["--timezone", layout.timezone]
    place += ["--latitude", str(layout.latitude), "--longitude", str(layout.longitude)]
    for system in layout.systems:
        command(app, "register-pms", system.pms, *account, *place)
        for mppt in system.mppts:
            command(app, "register-mppt", mppt, *account, *place)
        for inverter in system.inverters:
            command(app, "register-inverter", inverter, *account, *place)
    with tempfile.TemporaryDirectory() as folder:
        # Its name stays in the list of transactions, as where they came from.
        file = Path(folder) / "demo-registry.csv"
        file.write_text(registry_csv(layout))
        command(app, "import-registry", str(file), *account, "--yes")


def command(app: Flask, *args: str) -> None:
    """Run a ``flexmeasures pms`` command in this process.

    :raises ServerError: when it fails, with what it said.
    """
    try:
        app.cli.main(
            ["pms", *args],
            prog_name="flexmeasures",
            standalone_mode=False,
            obj=ScriptInfo(create_app=lambda: app),
        )
    except click.ClickException as error:
        message = f"flexmeasures pms {' '.join(args)}: {error.format_message()}"
        raise ServerError(message) from error
