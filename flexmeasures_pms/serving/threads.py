"""Let the threads of a process run beside one that is busy with a large request.

Python searches for garbage while no thread runs, beside all that FlexMeasures loads for half a
second and more. And a thread that comes back from the database waits until a busy one lets it run,
by default 5 ms, some twenty times in a request.
"""

from __future__ import annotations

import gc
import sys
from functools import cache

SWITCH_SECONDS = 0.0005


@cache
def share_the_process() -> None:
    """Search what exists now never again, and switch threads often.

    For ``Blueprint.before_request``; once per process. Servers fork their workers from a process
    that never does a request, or load all in each.
    """
    gc.freeze()
    sys.setswitchinterval(min(SWITCH_SECONDS, sys.getswitchinterval()))
