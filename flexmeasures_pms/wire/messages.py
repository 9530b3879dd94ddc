"""What a gateway POSTs, in the current shape: one type for each part of a body.

The decoder reads more than this: older spellings, other attributes, and samples that lack
some of theirs. A reading that is missing is left out; within an array it is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.catalogue.quantities import CELLS, FETS
from flexmeasures_pms.wire.times import EXAMPLE

Readings = Sequence[float | None]
LocalTime = Annotated[str, Meta(examples=[EXAMPLE])]
StatusCode = Annotated[str, Meta(pattern="^[0-9A-Fa-f]{1,4}$", examples=["0001"])]
CellVolts = Annotated[Readings, Meta(min_length=CELLS, max_length=CELLS)]
FetTemperatures = Annotated[Readings, Meta(min_length=FETS, max_length=FETS)]
PackTemperatures = Annotated[Readings, Meta(min_length=3, max_length=3)]
ChannelValues = Annotated[Readings, Meta(min_length=1, max_length=4)]
PhaseValues = Annotated[Readings, Meta(min_length=1, max_length=3)]


class CellReadings(Struct, frozen=True):
    """The cell blocks of a pack.

    :param open: numbers of the bypassed cells, counted from 1.
    :param volts: of each cell in order [V].
    """

    open: list[int] | UnsetType = UNSET
    volts: CellVolts | UnsetType = UNSET


class FetReadings(Struct, frozen=True):
    """The FETs of a pack.

    :param open: numbers of the open FETs: 1 is the input, 2 the output.
    :param temp: of input and output FET [°C].
    """

    open: list[int] | UnsetType = UNSET
    temp: FetTemperatures | UnsetType = UNSET


class PackBody(Struct, frozen=True):
    """The readings of one pack.

    :param id: of its case or its acquisition board.
    :param dock: counted across the PMS, 1 to 48; 99 for a pack that has none.
    :param amps: charging positive [A].
    :param temp: top, middle and bottom [°C].
    """

    id: str
    dock: int | UnsetType = UNSET
    amps: float | UnsetType = UNSET
    temp: PackTemperatures | UnsetType = UNSET
    cell: CellReadings | UnsetType = UNSET
    fet: FetReadings | UnsetType = UNSET


class PackSample(Struct, frozen=True):
    """A sample of the dataset ``pms``: one pack at one moment.

    :param time_local: with milliseconds and the offset from UTC.
    """

    time_local: LocalTime
    pack: PackBody


class ChannelReadings(Struct, frozen=True):
    """Strings or loads of a device, in order: up to 4 strings and 2 loads.

    :param volts: of each [V].
    :param amps: of each [A].
    """

    volts: ChannelValues | UnsetType = UNSET
    amps: ChannelValues | UnsetType = UNSET


class BatteryReadings(Struct, frozen=True):
    """A device's battery terminals.

    :param volts: [V].
    :param amps: charging positive [A].
    """

    volts: float | UnsetType = UNSET
    amps: float | UnsetType = UNSET


class GridReadings(Struct, frozen=True):
    """The three phases of the grid.

    :param volts: line to line [V].
    :param amps: positive into the grid [A].
    :param pf: power factor.
    """

    volts: PhaseValues | UnsetType = UNSET
    amps: PhaseValues | UnsetType = UNSET
    pf: PhaseValues | UnsetType = UNSET


class MpptSample(Struct, frozen=True):
    """A sample of the dataset ``mppt``.

    :param time_local: with milliseconds and the offset from UTC.
    :param pv: its PV strings.
    :param load: its loads.
    """

    time_local: LocalTime
    pv: ChannelReadings | UnsetType = UNSET
    battery: BatteryReadings | UnsetType = UNSET
    load: ChannelReadings | UnsetType = UNSET


class InverterSample(MpptSample, frozen=True):
    """A sample of the dataset ``inverter``.

    :param time_local: with milliseconds and the offset from UTC.
    :param pv: its PV strings.
    :param load: its loads.
    """

    grid: GridReadings | UnsetType = UNSET


SampleMessage = PackSample | MpptSample | InverterSample


class DatasetStatus(Struct, frozen=True):
    """The status of a device.

    :param code: four hex digits.
    """

    code: StatusCode


class EhubStatus(DatasetStatus, frozen=True):
    """The status of an EHub.

    :param temp: its own [°C].
    """

    temp: float | UnsetType = UNSET


class PmsDataset(Struct, frozen=True, kw_only=True):
    """Samples of packs that one PMS reports.

    :param pms_id: id of the PMS.
    :param data: one for each pack and moment.
    """

    pms_id: str
    status: EhubStatus | UnsetType = UNSET
    data: list[PackSample]


class MpptDataset(Struct, frozen=True, kw_only=True):
    """Samples of one MPPT.

    :param mppt_id: id of the MPPT.
    :param data: one for each moment.
    """

    mppt_id: str
    status: DatasetStatus | UnsetType = UNSET
    data: list[MpptSample]


class InverterDataset(Struct, frozen=True, kw_only=True):
    """Samples of one inverter.

    :param inverter_id: id of the inverter.
    :param data: one for each moment.
    """

    inverter_id: str
    status: DatasetStatus | UnsetType = UNSET
    data: list[InverterSample]


class PmsRequest(Struct, frozen=True):
    """A body for the dataset ``pms``."""

    datasets: Annotated[list[PmsDataset], Meta(min_length=1)]


class MpptRequest(Struct, frozen=True):
    """A body for the dataset ``mppt``."""

    datasets: Annotated[list[MpptDataset], Meta(min_length=1)]


class InverterRequest(Struct, frozen=True):
    """A body for the dataset ``inverter``."""

    datasets: Annotated[list[InverterDataset], Meta(min_length=1)]


REQUESTS: dict[DatasetName, type[Struct]] = {
    "pms": PmsRequest,
    "mppt": MpptRequest,
    "inverter": InverterRequest,
}
"""The bodies of datasets that have types of their own; see request_types for the others."""
