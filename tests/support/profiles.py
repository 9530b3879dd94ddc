"""How many inputs the tests of properties try: Hypothesis' profiles, registered here alone.

``--hypothesis-profile`` chooses one; ``quick`` is the default (``pyproject.toml``).
"""

from __future__ import annotations

import os

from hypothesis import settings

FULL = 100
"""Inputs of a test in the profile ``full``, unless it asks for more or fewer."""

TIMES = int(os.environ.get("PMS_FUZZ_TIMES", "20"))
"""How many times as many the profile ``fuzz`` tries: ``make fuzz TIMES=20``."""

PROFILES = {"quick": FULL // 4, "full": FULL, "fuzz": FULL * TIMES}


def register() -> None:
    """Make the profiles known to Hypothesis."""
    # Not what Hypothesis takes for a CI machine: a run means the same everywhere.
    parent = settings.get_profile("default")
    for name, count in PROFILES.items():
        # Tests measure no time: a busy machine is not a failure.
        settings.register_profile(name, parent, max_examples=count, deadline=None, print_blob=True)


def examples(full: int) -> int:
    """Return how many inputs a test tries in the chosen profile.

    :param full: how many in the profile ``full``.
    """
    chosen = settings.default
    assert chosen is not None
    return max(1, full * chosen.max_examples // FULL)
