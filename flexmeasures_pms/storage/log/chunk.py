"""A run of samples as arrays, wherever the log has them: hot rows and folded days alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Chunk:
    """Samples of one thing by one device, in order of time.

    :param times: of the samples [ms since 1970-01-01 UTC].
    :param readings: in SI units, an array of (place, sample); NaN for none. The places are those
        that were asked for, in their order.
    """

    subject_id: int
    device_id: int
    source_id: int
    times: npt.NDArray[np.int64]
    readings: npt.NDArray[np.float64]
