"""The blueprint of the command line: one group, ``flexmeasures pms``."""

from flask import Blueprint

pms_cli = Blueprint("pms_cli", "flexmeasures_pms.cli", cli_group="pms")
pms_cli.cli.help = "Battery packs: the registry of cases and cabinets, and their telemetry."
