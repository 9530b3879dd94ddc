"""Limits of a request body, and of what may wait in quarantine, from the settings."""

from __future__ import annotations

from collections.abc import Iterable

from flexmeasures_pms import identifiers
from flexmeasures_pms.config import Settings
from flexmeasures_pms.errors import BodyTooLarge
from flexmeasures_pms.storage.intake.quarantine_room import Bounds
from flexmeasures_pms.wire.samples import Decoded, Limits, Sample


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


def devices_of(samples: Iterable[Sample]) -> set[str]:
    """Return the ids of the devices that samples name; an empty one for those without."""
    return {identifiers.key(ident) for ident in {sample.device_id or "" for sample in samples}}


def require_few_devices(decoded: Decoded, settings: Settings) -> None:
    """Refuse a request that names too many devices, before it is accepted.

    :raises BodyTooLarge: saying what to do.
    """
    found, most = len(devices_of(decoded.samples)), settings.max_devices
    if found > most:
        error = BodyTooLarge(
            f"The body names {found} devices (PMSes, MPPTs or inverters); {most} are allowed in "
            "one request. Send it in several requests."
        )
        error.size = decoded.size
        raise error
