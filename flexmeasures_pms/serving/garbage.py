"""Keep what a process loaded for good out of Python's search for garbage.

Beside all that FlexMeasures loads, a search takes half a second and more, in which no thread of the
process runs: whoever sends many samples would make it happen, and all others wait.
"""

from __future__ import annotations

import gc

_done = False


def spare_the_loaded() -> None:
    """Search what exists now never again. For ``Blueprint.before_request``: once per process.

    Servers fork their workers from a process that never does a request, or load all in each.
    """
    global _done
    if not _done:
        _done = True
        gc.freeze()
