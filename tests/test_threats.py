"""The page about threats names checks and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import flexmeasures_pms

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "security.md"
PACKAGE = Path(flexmeasures_pms.__file__).parent


def rows() -> list[list[str]]:
    lines = PAGE.read_text().partition("## What, where")[2].partition("\n## ")[0].splitlines()
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line[:1] == "|"]


def actors() -> set[str]:
    table = PAGE.read_text().partition("## Who\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| ([A-Z][\w ]+?) \|", table, re.MULTILINE)) - {"Who"}


@pytest.mark.parametrize("row", rows()[2:], ids=lambda row: row[1][:40])
def test_each_threat_has_a_check_and_a_test(row: list[str]) -> None:
    _who, _what, check, test = row
    name = check.strip("`")
    home = PACKAGE.parent if name.startswith("flexmeasures_pms/") else ROOT
    assert (home / name).is_file(), check
    path = ROOT / test.strip("`")
    assert path.is_file(), test
    assert re.search(r"^def test_", path.read_text(), re.MULTILINE), test


def test_everybody_who_may_do_harm_has_rows() -> None:
    first = {row[0] for row in rows()[2:]}
    assert {"Gateway", "Member", "Other organisation"} <= actors()
    assert first <= {*actors(), "Anyone", "Packages"}


def test_the_example_of_a_proxy_is_there_with_what_is_said_of_it() -> None:
    text = (ROOT / "docs" / "nginx.conf").read_text()
    for directive in (
        "proxy_request_buffering on;",
        "client_max_body_size",
        "ssl_protocols",
        "limit_req zone=login",
        "proxy_set_header X-Forwarded-For $remote_addr;",
    ):
        assert directive in text


def test_the_body_limit_of_the_proxy_is_not_below_ours() -> None:
    from flexmeasures_pms.config import SETTINGS

    (ours,) = (s.default for s in SETTINGS if s.name == "PMS_MAX_BODY_BYTES")
    text = (ROOT / "docs" / "nginx.conf").read_text()
    megabytes = int(re.findall(r"client_max_body_size (\d+)m;", text)[0])
    assert megabytes << 20 >= int(ours)


def test_the_proxy_waits_longer_than_a_request_may_take() -> None:
    from flexmeasures_pms.config import SETTINGS

    (ours,) = (s.default for s in SETTINGS if s.name == "PMS_REQUEST_TIMEOUT")
    text = (ROOT / "docs" / "nginx.conf").read_text()
    assert int(re.findall(r"proxy_read_timeout (\d+)s;", text)[0]) > int(ours)
