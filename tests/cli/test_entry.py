"""What FlexMeasures says at its start is not on standard output of ``flexmeasures pms``.

In place of FlexMeasures there is an application that says as much, and starts at once.
"""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import logging, sys
import click
from flask import Flask
from flask.cli import FlaskGroup

def start():
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    logging.info("logged at the start")
    print("printed at the start")
    app = Flask("x")

    @app.cli.command("other")
    def other():
        print("other")

    if "--without" in sys.argv:
        sys.argv.remove("--without")
        return app

    @app.cli.group("pms")
    def pms():
        pass

    @pms.command("say")
    def say():
        logging.info("logged by the command")
        print("said")

    return app

FlaskGroup(create_app=start, add_default_commands=False)(sys.argv[1].split())
"""


def run(words: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT, words, *more]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_standard_output_of_our_commands_is_theirs_alone() -> None:
    result = run("pms say")
    assert (result.returncode, result.stdout) == (0, "said\n")
    assert result.stderr.splitlines() == [
        "logged at the start",
        "printed at the start",
        "logged by the command",
    ]


def test_other_commands_of_flexmeasures_are_left_alone() -> None:
    result = run("other")
    assert result.stdout.splitlines() == ["logged at the start", "printed at the start", "other"]


def test_the_help_names_the_commands_and_a_wrong_one_is_said() -> None:
    assert "  say" in run("pms --help").stdout
    wrong = run("pms shout")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "Error: No such command 'shout'." in wrong.stderr


def test_a_plugin_that_is_not_loaded_says_what_to_set() -> None:
    result = run("pms say", "--without")
    assert result.returncode == 1
    assert 'Error: FlexMeasures has not loaded the plugin: set FLEXMEASURES_PLUGINS = ["' in (
        result.stderr
    )
