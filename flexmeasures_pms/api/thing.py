"""The thing that a route is asked for by its id, and what the sender may read of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import request
from werkzeug.exceptions import NotFound

from flexmeasures_pms.api.credentials import caller, organisation
from flexmeasures_pms.gateways.caller import READ
from flexmeasures_pms.gateways.reading import ReadingScope, reading_scope
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.serving.readiness import require_tables

AskedThing = tuple[Directory, Entry, ReadingScope | None]


def asked_thing(ident: str, kinds: Sequence[str], now: datetime, words: str) -> AskedThing:
    """Return the registry, the thing, and the scope of the sender.

    :param kinds: which it may be of; the parameter ``kind`` chooses one.
    :param words: names the kinds where nothing is found.
    :raises NotFound: when there is none that the sender may read.
    """
    require_tables()
    sender = caller(now)
    registered = load_directory(organisation(sender, READ))
    wanted = request.args.get("kind", None)
    of_kinds = (registered.find(kind, ident) for kind in kinds if wanted in (None, kind))
    entry = next(filter(None, of_kinds), None)
    scope = reading_scope(sender, registered)
    if entry is None or entry.asset_is_gone or (scope and not scope.periods(entry.id)):
        raise NotFound(f"No {words} of this id is registered in the organisation.")
    return registered, entry, scope
