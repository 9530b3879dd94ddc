"""The command line: ``flexmeasures pms``, one file for each group of commands."""

from flexmeasures_pms.cli.blueprint import pms_cli

__all__ = ["pms_cli"]
