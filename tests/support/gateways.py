"""Keys for tests, made as the command line makes them."""

from __future__ import annotations

from datetime import datetime

from flexmeasures.data import db

from flexmeasures_pms.gateways import manage
from flexmeasures_pms.gateways.scope import scoped
from flexmeasures_pms.registry.editing.change import Author

AUTHOR = Author("test")


def make_key(
    account_id: int,
    *devices: tuple[str, str],
    name: str = "North mast",
    expires_at: datetime | None = None,
    rates: tuple[int | None, int | None] = (None, None),
) -> dict[str, str]:
    """Make a gateway, and return the headers with its key."""
    key = manage.add(
        account_id,
        name,
        devices=[scoped(*device) for device in devices] or None,
        expires_at=expires_at,
        rates=rates,
        author=AUTHOR,
    )
    db.session.commit()
    return {"x-api-key": key.text}
