"""``flexmeasures-pms``: check an installation, or try the plugin on this machine."""

from __future__ import annotations

from flexmeasures_pms.check.command import check
from flexmeasures_pms.demo.__main__ import main

__all__ = ["main"]

main.add_command(check)

if __name__ == "__main__":
    main()
