"""Which tests have to run in one process, one after the other; any other goes where there is room.

Not by marks: ``--dist=loadgroup`` of pytest-xdist 3.8 does not group under pytest 9.2.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

# Fault worlds measure how long replies take, and use all processors there are.
TOGETHER = {
    "tests/faults/test_faults.py": "fault worlds",
    "tests/faults/test_faults_queued.py": "fault worlds",
    "tests/faults/test_neighbour.py": "fault worlds",
    # They start commands from the process that the servers of fault worlds are started from.
    "tests/migrations/test_upgrade_command.py": "fault worlds",
    "tests/serving/test_start.py": "fault worlds",
    # Its tests share the files of a new server.
    "tests/demo/test_servers.py": "servers",
    # Its tests share simulated days.
    "tests/simulator/test_site.py": "simulated days",
}


class Scheduler(LoadScopeScheduling):
    """Gives a free process the next test or group. Groups go first, for they take long."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER.get(nodeid.partition("::")[0], nodeid)
