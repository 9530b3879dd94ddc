"""Packs that nobody has registered yet, as far as their waiting samples tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import WireError
from flexmeasures_pms.overview.docks import Newcomer
from flexmeasures_pms.storage.queries.racks import Stranger
from flexmeasures_pms.wire import decode


def newcomers(strangers: Iterable[Stranger]) -> Iterator[Newcomer]:
    """Yield the packs that wait, with the dock that each reported last."""
    for stranger in strangers:
        ident, dock = _read(stranger)
        yield Newcomer(ident, dock, stranger.time, stranger.samples)


def _read(stranger: Stranger) -> tuple[str, int | None]:
    """Return a pack's id as it was sent, and its dock."""
    try:
        decoded = decode(
            stranger.text.encode(),
            dataset="pms",
            content_type=stranger.content_type,
            limits=settings().limits,
        )
    except WireError:
        return stranger.ident, None
    for sample in decoded.samples:
        return sample.pack_id or stranger.ident, sample.fields.get("pack.dock")
    return stranger.ident, None
