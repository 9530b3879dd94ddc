"""Which devices a gateway may report for.

A key that is restricted to devices may report these and no others. Whether other devices
exist is never looked up, so that a key reveals nothing about them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from flexmeasures_pms import identifiers
from flexmeasures_pms.beliefs.resolve import registered_near
from flexmeasures_pms.errors import OutOfScope, Problem
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.wire.samples import Sample


def scoped(kind: str, ident: str) -> str:
    """Return a device as a scope stores it, for any spelling."""
    return f"{kind}:{identifiers.key(ident)}"


def require_scope(account_id: int, devices: Collection[str], samples: Sequence[Sample]) -> None:
    """Check that samples are of devices that a gateway may report for.

    :param devices: of the gateway's key.
    :raises OutOfScope: with the path of each that is not.
    """
    named: dict[tuple[str | None, bool], bool] = {}
    doubtful = []
    for sample in samples:
        device = (sample.device_id, sample.device_is_cabinet)
        if device not in named:
            named[device] = _is_named(sample, devices)
        if not named[device]:
            doubtful.append(sample)
    outside = _outside(account_id, devices, doubtful)
    problems = {p.path: p for p in map(_problem, outside)}
    if problems:
        raise OutOfScope(
            "The gateway's key is not for all devices that the request names. Nothing of it "
            "was stored.",
            tuple(problems.values()),
        )


def _is_named(sample: Sample, devices: Collection[str]) -> bool:
    return sample.device_id is not None and scoped(sample.dataset, sample.device_id) in devices


def _outside(
    account_id: int, devices: Collection[str], samples: Sequence[Sample]
) -> Iterator[Sample]:
    """Yield the samples whose device is not in scope, also considering its cabinet or pack."""
    registered = registered_near(account_id, samples) if samples else None
    for sample in samples:
        pms = _pms_that_follows(sample, registered) if registered else None
        if pms is None or scoped("pms", pms.ident) not in devices:
            yield sample


def _pms_that_follows(sample: Sample, registered: Directory) -> Entry | None:
    """Return the PMS of a sample that names a cabinet, or no device at all."""
    if sample.dataset != "pms" or sample.time is None:
        return None
    if sample.device_id is None:
        pack = registered.resolve_pack(sample.pack_id or "", sample.time)
        return registered.pms_of(pack.case.id, sample.time) if pack else None
    # An id of a PMS is not a cabinet's, in whichever field it was sent.
    if not sample.device_is_cabinet or registered.find("pms", sample.device_id):
        return None
    cabinet = registered.find("cabinet", sample.device_id)
    return registered.pms_of(cabinet.id, sample.time) if cabinet else None


def _problem(sample: Sample) -> Problem:
    if sample.device_id is None:
        message = (
            "No device id was sent, and the pack is in none of the key's devices. Send "
            "the id, or use a key for the whole organisation."
        )
    else:
        message = f"The gateway's key is not for '{sample.device_id}'. Use a key that names it."
    path = f"{sample.path.split('.data[')[0]}.{sample.dataset}_id"
    return Problem(path, "out_of_scope", message, sample.device_id or "")
