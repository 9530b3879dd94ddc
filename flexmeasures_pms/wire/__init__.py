"""Wire formats: the types of what a gateway sends, and from its bytes to samples.

Pure decoding: no I/O, no FlexMeasures, no knowledge of what is registered.

JSON: ``json_body`` gets datasets from ``envelopes``, or of a damaged body from ``recover``, which
searches a ``damaged_text``; ``mend`` lets a value be read that is no JSON. CSV: ``csv_body`` reads
rows by a ``csv_header``. Both fill a ``draft``, which ``finish`` completes to a sample;
``unreadable`` makes one of what can't be read.
"""

from flexmeasures_pms.wire.decode import decode
from flexmeasures_pms.wire.messages import (
    BatteryReadings,
    CellReadings,
    ChannelReadings,
    DatasetStatus,
    EhubStatus,
    FetReadings,
    GridReadings,
    InverterDataset,
    InverterRequest,
    InverterSample,
    MpptDataset,
    MpptRequest,
    MpptSample,
    PackBody,
    PackSample,
    PmsDataset,
    PmsRequest,
)
from flexmeasures_pms.wire.samples import Decoded, Limits, Sample

__all__ = [
    "BatteryReadings",
    "CellReadings",
    "ChannelReadings",
    "DatasetStatus",
    "Decoded",
    "EhubStatus",
    "FetReadings",
    "GridReadings",
    "InverterDataset",
    "InverterRequest",
    "InverterSample",
    "Limits",
    "MpptDataset",
    "MpptRequest",
    "MpptSample",
    "PackBody",
    "PackSample",
    "PmsDataset",
    "PmsRequest",
    "Sample",
    "decode",
]
