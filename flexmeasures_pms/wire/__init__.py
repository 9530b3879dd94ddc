"""Wire formats: from the bytes a gateway sends to samples.

Pure decoding: no I/O, no FlexMeasures, no knowledge of what is registered.
"""

from flexmeasures_pms.wire.decode import decode
from flexmeasures_pms.wire.samples import Decoded, Limits, Sample

__all__ = ["Decoded", "Limits", "Sample", "decode"]
