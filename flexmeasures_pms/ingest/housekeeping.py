"""What is done now and then, after a request is committed: a little of it, so that nobody waits."""

from __future__ import annotations

from itertools import count

from flexmeasures_pms.ingest.follow_up import complete_abandoned
from flexmeasures_pms.storage.session import after_commit

EVERY = 100
"""Requests of a process between two times."""

MOST_THINGS = 10
"""Things whose assets are made, or samples replayed, at once."""

SECONDS = 1.0
"""After so long no more of them are begun."""

_requests = count(1)


def tidy() -> None:
    """Do what is left of the effects of changes: samples may wait for them."""
    if next(_requests) % EVERY:
        return
    with after_commit("Effects of changes wait on."):
        complete_abandoned(MOST_THINGS, SECONDS)
