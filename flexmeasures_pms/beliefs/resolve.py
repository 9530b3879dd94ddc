"""Find the case or device of a sample, and the device that reported it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flexmeasures_pms.catalogue.asset_types import DEVICE_KIND_BY_NAME
from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import Problem
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.kinds import CASE, KINDS
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.messages.moments import SAMPLES, SAMPLES_AHEAD
from flexmeasures_pms.storage.intake.quarantine import WAITS
from flexmeasures_pms.wire.samples import Sample

EARLIEST = SAMPLES.begin


@dataclass(frozen=True, slots=True)
class Target:
    """Where a sample's beliefs belong.

    :param subject: the case or device that has the sensors.
    :param device: the device that reported: the source.
    :param board: the acquisition board whose id was sent instead of the case's.
    :param cabinet: the cabinet, if the gateway sent it instead of the PMS.
    :param time: the sample's time.
    """

    subject: Entry
    device: Entry
    time: datetime
    board: Entry | None = None
    cabinet: Entry | None = None


def registered_near(account_id: int, samples: Iterable[Sample]) -> Directory:
    """Return the registry of an organisation as of now, near what samples name."""
    samples = tuple(samples)
    devices = {(s.dataset, s.device_id, s.device_is_cabinet) for s in samples}
    things = {(kind, ident) for kind, ident, _ in devices if ident is not None}
    cabinets = {("cabinet", ident) for _, ident, of_cabinet in devices if ident and of_cabinet}
    packs = {s.pack_id for s in samples if s.pack_id is not None and not s.invalid}
    return load_directory(account_id, packs=packs, things=things | cabinets)


def resolve(sample: Sample, registered: Directory, now: datetime) -> Target | Problem:
    """Return where a sample belongs, or the problem.

    Only ids of the directory's organisation are known: those of another organisation are
    treated like ids that are not registered.
    """
    if sample.invalid:
        return sample.invalid[0]
    if sample.time is None or not _in_range(sample.time, now):
        return _out_of_range(sample)
    if sample.dataset != "pms":
        return _converter(sample, sample.time, registered)
    return _pack(sample, sample.time, registered)


def without_asset(path: str, kind: str, ident: str, *, awaited: bool) -> Problem:
    """Return what is wrong with a sample if the asset of a case or device is not there.

    :param awaited: it was not made yet; otherwise it was deleted or given away.
    """
    words = KINDS[kind].words
    which = f"{words} '{ident}'"
    message = (
        f"The FlexMeasures asset of {which} is not made yet. `flexmeasures pms make-assets` "
        "makes all that lack."
        if awaited
        else f"The FlexMeasures asset of {which} was deleted, or given to another organisation. "
        f"Register the {words} again: then it gets a new asset."
    )
    code = "unknown_pack" if kind == CASE else "unknown_device"
    return Problem(path, code, f"{message}{WAITS}", ident)


def reporter(sample: Sample, registered: Directory, now: datetime) -> Entry | None:
    """Return the registered device that reported a sample, even one that can't be stored.

    None where the sample has no usable time or names no device.
    """
    if sample.time is None or sample.device_id is None or not _in_range(sample.time, now):
        return None
    if sample.dataset != "pms":
        return registered.find(sample.dataset, sample.device_id)
    return _reporting_pms(sample, sample.time, registered, None)[0]


def _in_range(time: datetime, now: datetime) -> bool:
    return oldest() <= time <= now + SAMPLES_AHEAD


def oldest() -> datetime:
    """Return the time before which nothing is stored: the log has forgotten what it had of it."""
    days = settings().sample_days
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return max(EARLIEST, today - timedelta(days=days)) if days else EARLIEST


def forgotten_after(time: datetime) -> int | None:
    """Return for how many days the log keeps samples, if it has forgotten those of a time."""
    days = settings().sample_days
    return days if days and time < oldest() else None


def _out_of_range(sample: Sample) -> Problem:
    days = settings().sample_days
    oldest = f"more than {days} days ago (PMS_SAMPLE_DAYS)" if days else "before 2010"
    return Problem(
        f"{sample.path}.time_local",
        "time_out_of_range",
        f"The time is {oldest} or more than a day ahead of the server. Set the clock of the "
        f"gateway.{WAITS}",
        sample.time.isoformat() if sample.time else "",
    )


def _unknown_device(sample: Sample) -> Problem:
    kind = DEVICE_KIND_BY_NAME[sample.dataset].label
    path = f"{sample.path.split('.data[')[0]}.{sample.dataset}_id"
    if sample.device_id is None:
        message = f"No {kind} id was sent, and the pack does not identify one."
    else:
        message = f"No {kind} '{sample.device_id}' is registered."
    return Problem(path, "unknown_device", f"{message}{WAITS}", sample.device_id or "")


def _converter(sample: Sample, time: datetime, registered: Directory) -> Target | Problem:
    device = registered.find(sample.dataset, sample.device_id) if sample.device_id else None
    if device is None:
        return _unknown_device(sample)
    return Target(device, device, time)


def _pack(sample: Sample, time: datetime, registered: Directory) -> Target | Problem:
    pack_id = sample.pack_id or ""
    found = registered.resolve_pack(pack_id, time)
    pms, cabinet = _reporting_pms(sample, time, registered, found.case if found else None)
    if pms is None:
        return _unknown_device(sample)
    if found is None:
        return Problem(
            f"{sample.path}.pack.id",
            "unknown_pack",
            f"No case or acquisition board '{pack_id}' is registered at the time of the sample."
            f"{WAITS}",
            pack_id,
        )
    return Target(found.case, pms, time, found.board, cabinet)


def _reporting_pms(
    sample: Sample, time: datetime, registered: Directory, case: Entry | None
) -> tuple[Entry | None, Entry | None]:
    """Return the PMS that reported, and its cabinet if the gateway sent that.

    Some gateways send no PMS id: then it is the PMS in which the pack is registered at
    the time.
    """
    if sample.device_id is None:
        return (registered.pms_of(case.id, time) if case else None), None
    pms = registered.find("pms", sample.device_id)
    if pms is not None or not sample.device_is_cabinet:
        return pms, None
    cabinet = registered.find("cabinet", sample.device_id)
    return (registered.pms_of(cabinet.id, time) if cabinet else None), cabinet
