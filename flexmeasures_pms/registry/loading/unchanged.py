"""Whether what was read of a registry is still so, until the transaction ends.

A request reads the registry first and writes last, and the registry may change in between. So
the last that a request does before it commits is to lock the registry's version and look at it.
A change of the registry raises the version as its last write: so either the change waits for the
request, and sees what it has written, or the request waits for the change, and sees that.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from flexmeasures_pms import identifiers
from flexmeasures_pms.registry.directory import VersionLock
from flexmeasures_pms.registry.loading import rows
from flexmeasures_pms.registry.loading.request_view import RequestView


def unchanged(view: RequestView, owned: AbstractSet[int], lock: VersionLock | None) -> bool:
    """Return whether all that was asked for is as it was read, whatever else has changed.

    :param owned: the assets that were the organisation's.
    :param lock: how to keep the version until the transaction ends; None lets it go on.
    """
    state = rows.state(view.account_id, owned, lock)
    if not owned <= state.owned:
        return False
    if state.version != view.version and not _is_so(view):
        return False
    view.version = state.version
    return True


def _is_so(view: RequestView) -> bool:
    # What a change marks may be the same for who asks: a cabinet, where a pack came into it.
    changed = set(rows.changed_since(view.account_id, view.version or 0))
    things, inside = changed & view.things.keys(), changed & view.assembled.keys()
    unknown = {name for name, number in view.names.items() if number is None}
    unknown = {name for name in unknown if not identifiers.fault(name[1])}
    if things:
        found = rows.things(view.account_id, things)
        if any(found.get(number) != view.things[number] for number in things):
            return False
    if inside:
        parts = rows.inside(view.account_id, inside)
        if any(parts[number] != view.assembled[number] for number in inside):
            return False
    return not (unknown and rows.numbers(view.account_id, unknown))
