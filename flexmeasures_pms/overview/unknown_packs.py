"""Packs that are not registered yet, from their samples in quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import WireError
from flexmeasures_pms.ingest.limits import decoding_limits
from flexmeasures_pms.overview.docks import UnknownPack
from flexmeasures_pms.storage.queries.racks import WaitingUnknownPack
from flexmeasures_pms.wire import decode


def unknown_packs(waiting_unknown_packs: Iterable[WaitingUnknownPack]) -> Iterator[UnknownPack]:
    """Yield the unknown packs, with the dock that each reported last."""
    for waiting in waiting_unknown_packs:
        ident, dock = _read(waiting)
        yield UnknownPack(ident, dock, waiting.time, waiting.samples)


def _read(waiting: WaitingUnknownPack) -> tuple[str, int | None]:
    """Return a pack's id as it was sent, and its dock."""
    try:
        decoded = decode(
            waiting.text.encode(),
            dataset="pms",
            content_type=waiting.content_type,
            limits=decoding_limits(settings()),
        )
    except WireError:
        return waiting.ident, None
    for sample in decoded.samples:
        return sample.pack_id or waiting.ident, sample.fields.get("pack.dock")
    return waiting.ident, None
