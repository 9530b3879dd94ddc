"""FlexMeasures' configuration, read as FlexMeasures does, and what is wrong in it."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from flexmeasures.utils import config_utils
from inflection import camelize

from flexmeasures_pms import config
from flexmeasures_pms.check.findings import CheckResult, one_line
from flexmeasures_pms.errors import ConfigError

ENVIRONMENTS = ("production", "staging", "development")
_KEY = "python3 -c 'import secrets; print(secrets.token_hex(24))'"


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration.

    :param app: an application that has it, and nothing else.
    :param path: where the file is, or should be.
    """

    app: Flask
    path: Path


def read() -> tuple[Configuration, list[CheckResult]]:
    """Read the environment and the configuration file; what can't be read is a finding."""
    app = Flask("flexmeasures")
    path = Path(config_utils.find_flexmeasures_cfg() or "")
    home = Path.home() / ".flexmeasures.cfg"
    found = Configuration(app, path if path.is_file() else home)
    env = config_utils.get_flexmeasures_env(app, str(path)) or ""
    findings = []
    if env not in ENVIRONMENTS:
        said = f"FLEXMEASURES_ENV is {env!r}: set it to {', '.join(ENVIRONMENTS)}."
        findings.append(CheckResult("fix", "environment", said))
        env = ENVIRONMENTS[0]
    app.config.from_object(f"flexmeasures.utils.config_defaults.{camelize(env)}Config")
    config_utils.read_env_vars(app)
    if not path.is_file():
        said = f"There is no {home}, nor {path}. Environment variables are read in any case."
        findings.append(CheckResult("note", "configuration file", said))
        return found, findings
    try:
        app.config.from_pyfile(str(path))
    except Exception as error:  # noqa: BLE001 - it is a program of the host's
        said = f"{path} can't be read: {type(error).__name__}: {one_line(error)}"
        return found, [*findings, CheckResult("fix", "configuration file", said)]
    findings.append(CheckResult("ok", "configuration file", str(path)))
    return found, findings


def findings(found: Configuration) -> Iterator[CheckResult]:
    """Yield what is wrong with the configuration, apart from servers."""
    yield _plugin(found)
    yield _secret_key(found)
    if found.app.config.get("SECURITY_TWO_FACTOR"):
        yield _two_factor(found)
    yield from _settings(found)


def _plugin(found: Configuration) -> CheckResult:
    listed = found.app.config.get("FLEXMEASURES_PLUGINS") or []
    names = listed.split(",") if isinstance(listed, str) else listed
    if "flexmeasures_pms" in [Path(str(name).strip()).name for name in names]:
        return CheckResult("ok", "plugin", "FLEXMEASURES_PLUGINS lists flexmeasures_pms.")
    said = f'Write FLEXMEASURES_PLUGINS = ["flexmeasures_pms"] into {found.path}.'
    if listed:
        said = f'FLEXMEASURES_PLUGINS is {listed!r}: add "flexmeasures_pms" in {found.path}.'
    return CheckResult("fix", "plugin", said)


def _secret_key(found: Configuration) -> CheckResult:
    if _is_there(found, "SECRET_KEY", "secret_key"):
        return CheckResult("ok", "secret key", "SECRET_KEY is set.")
    said = f"echo \"SECRET_KEY = '$({_KEY})'\" >> {found.path}"
    return CheckResult("fix", "secret key", f"SECRET_KEY is not set: {said}")


def _two_factor(found: Configuration) -> CheckResult:
    if _is_there(found, "SECURITY_TOTP_SECRETS", "totp_secrets"):
        return CheckResult("ok", "two factors", "SECURITY_TOTP_SECRETS is set.")
    said = f"echo \"SECURITY_TOTP_SECRETS = {{'1': '$({_KEY})'}}\" >> {found.path}"
    return CheckResult(
        "fix", "two factors", f"SECURITY_TWO_FACTOR needs SECURITY_TOTP_SECRETS: {said}"
    )


def _is_there(found: Configuration, setting: str, file: str) -> bool:
    """Whether a secret is in the configuration, the environment or FlexMeasures' own file."""
    named = found.app.config.get(setting) is not None or setting in os.environ
    return named or (Path(found.app.instance_path) / file).is_file()


def _settings(found: Configuration) -> Iterator[CheckResult]:
    problems = [*config.without_effect(found.app.config, os.environ), *_in_small_letters(found)]
    try:
        config.read(found.app.config)
    except ConfigError as error:
        problems += str(error).splitlines()
    for problem in problems:
        yield CheckResult("fix", "settings", problem)
    for other in config.unknown(found.app.config):
        yield CheckResult("note", "settings", other)
    if not problems:
        yield CheckResult("ok", "settings", "All settings of flexmeasures-pms can be used.")


def _in_small_letters(found: Configuration) -> Iterator[str]:
    """Yield what is said of settings in small letters: nothing reads them."""
    if not found.path.is_file():
        return
    known = {setting.name for setting in config.SETTINGS} | set(found.app.config)
    try:
        lines = ast.parse(found.path.read_text()).body
    except (SyntaxError, ValueError):
        return  # said already
    targets = [target for line in lines if isinstance(line, ast.Assign) for target in line.targets]
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    for name in names:
        # What is written in capitals too is a name of the program's own.
        if not name.isupper() and name.upper() in known and name.upper() not in names:
            yield f"{name} in {found.path} has no effect: write {name.upper()}."
