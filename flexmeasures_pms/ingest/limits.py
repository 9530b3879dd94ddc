"""Limits of a request body, and of what may wait in quarantine, from the settings."""

from __future__ import annotations

from flexmeasures_pms.config import Settings
from flexmeasures_pms.storage.intake.quarantine_room import Bounds
from flexmeasures_pms.wire.samples import Limits


def decoding_limits(settings: Settings) -> Limits:
    """Return the limits within which a body is decoded."""
    return Limits(
        bytes=settings.max_decoded_bytes,
        datasets=settings.max_datasets,
        samples=settings.max_samples,
        depth=settings.max_nesting,
        sample_bytes=settings.max_sample_bytes,
        problems=settings.max_problems,
    )


def quarantine_bounds(settings: Settings) -> Bounds:
    """Return how much may wait in an organisation's quarantine."""
    return Bounds(
        samples=settings.max_quarantine,
        size=settings.max_quarantine_bytes,
        share=settings.quarantine_share,
    )
