"""Files that were cut, glued or damaged: what can be read is stored, the rest is named."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from conftest import Organisation
from flask.testing import FlaskCliRunner
from support import stored
from support.site import Site
from support.telemetry import at, pack_sample, request, wire_time

CASE = "case:0241"


@pytest.fixture
def site(organisation: Organisation) -> Site:
    # Ids of this test alone: the command line sees all organisations.
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms(f"PMS-OF-{organisation.id}")
        new.case("0241", f"PMS-OF-{organisation.id}-A", 1)
    return site


@pytest.fixture
def ingest(runner: FlaskCliRunner, tmp_path: Path) -> Callable[..., Result]:
    def run(name: str, content: str | bytes, *options: str) -> Result:
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return runner.invoke(args=["pms", "ingest", str(file), *options])

    return run


def pms(site: Site) -> str:
    return f"PMS-OF-{site.account_id}"


def header(*more: str) -> str:
    volts = (f"cell.volts.{n}" for n in range(1, 15))
    return ",".join(["pms_id", "time_local", "pack.id", "pack.dock", *volts, *more])


def row(site: Site, minute: float, volts: str = "3.7") -> str:
    return f"{pms(site)},{wire_time(at(minute))},0241,1" + f",{volts}" * 14


def line(site: Site, minute: float) -> str:
    return request({"pms_id": pms(site)}, pack_sample("0241", at(minute)))


Ingest = Callable[..., Result]


def test_one_bad_line_does_not_end_a_file(ingest: Ingest, site: Site) -> None:
    lines = [line(site, m) for m in range(6)]
    lines[2] = lines[2][:150]

    result = ingest("log.jsonl", "\n".join(lines) + "\n")

    assert result.exit_code == 0, result.output
    assert "log.jsonl: 2 stored; line 3 can't be read; 3 stored." in result.output
    assert stored.times(site.account_id, CASE) == {at(m) for m in (0, 1, 3, 4, 5)}


def test_each_bad_place_is_told_with_what_was_stored_around_it(ingest: Ingest, site: Site) -> None:
    rows = [row(site, m) for m in range(5)]
    rows[1], rows[3] = rows[1][:40], "9" * 20_000
    report = json.loads(ingest("log.csv", "\n".join([header(), *rows]), "--json").output)

    (file,) = report["files"]
    assert file["stored"] == [1, 1, 1]
    assert [place["path"] for place in file["places"]] == ["line 3", "line 5"]
    assert stored.times(site.account_id, CASE) == {at(0), at(2), at(4)}


def test_each_row_is_read_by_the_header_above_it_also_far_into_a_file(
    ingest: Ingest, site: Site
) -> None:
    columns = header("pack.temp.1", "pack.temp.2", "pack.temp.3", "fet.temp.1", "fet.temp.2")
    other = header("fet.temp.1", "fet.temp.2", "pack.temp.1", "pack.temp.2", "pack.temp.3")
    first = [f"{row(site, m)},25,25,25,61,62" for m in range(2_001)]
    second = [f"{row(site, 2_001 + m)},61,62,25,25,25" for m in range(30)]

    result = ingest("two-logs.csv", "\n".join([columns, *first, other, *second]))

    assert result.exit_code == 0, result.output
    assert "2031 samples: 2031 stored" in result.output
    beliefs = stored.beliefs(site.account_id, CASE)
    assert {v for (_, _, name), v in beliefs.items() if name == "temperature top"} == {25.0}


def test_files_glued_together_lose_nothing(ingest: Ingest, site: Site) -> None:
    text = header() + "\n" + row(site, 0) + header() + "\n" + row(site, 1)

    result = ingest("glued.csv", text + "\ufeff" + header() + "\n" + row(site, 2))

    assert result.exit_code == 0, result.output
    assert stored.times(site.account_id, CASE) == {at(0), at(1), at(2)}


def test_padding_after_a_power_cut_is_skipped(ingest: Ingest, site: Site) -> None:
    rows = [row(site, 0), "\0" * 70_000 + row(site, 1), row(site, 2)[:50] + "\0" * 9 + row(site, 3)]

    result = ingest("log.csv", "\n".join([header(), *rows]))

    assert result.exit_code == 0, result.output
    assert "Skipped 2 rows" in result.output
    assert stored.times(site.account_id, CASE) == {at(0), at(1), at(3)}


@pytest.mark.parametrize("left", [0.5, 0.9])
def test_compressed_data_is_read_up_to_the_cut(ingest: Ingest, site: Site, left: float) -> None:
    rows = [row(site, m, f"3.{m:03}") for m in range(300)]
    packed = gzip.compress("\n".join([header(), *rows]).encode())

    result = ingest("log.csv.gz", packed[: int(len(packed) * left)])

    assert result.exit_code == 0, result.output
    assert "ends too early. What comes before that place was read." in result.output
    assert len(stored.times(site.account_id, CASE)) > 300 * left - 60


def test_of_a_file_with_a_wrong_checksum_nothing_is_stored(ingest: Ingest, site: Site) -> None:
    packed = gzip.compress(f"{header()}\n{row(site, 0)}\n".encode())

    result = ingest("log.csv.gz", packed[:-8] + b"\0" * 8)

    assert result.exit_code == 1, result.output
    assert "Any of its values may be wrong, so nothing of it was stored." in result.output
    assert stored.belief_count(site.account_id) == 0


def test_no_number_is_stored_that_was_cut_off(ingest: Ingest, site: Site) -> None:
    rows = [row(site, m, "3.8888") for m in range(3)]
    packed = gzip.compress("\n".join([header(), *rows]).encode(), mtime=0)
    for size in range(len(packed) - 30, len(packed) - 8, 3):
        ingest("log.csv.gz", packed[:size])
    beliefs = stored.beliefs(site.account_id, CASE)

    assert {v for (_, _, name), v in beliefs.items() if name == "cell 14 voltage"} == {3.8888}


def test_a_member_after_padding_is_read(ingest: Ingest, site: Site) -> None:
    first = gzip.compress(f"{header()}\n{row(site, 0)}\n".encode())

    ingest("log.csv.gz", first + b"\0" * 512 + gzip.compress(f"{row(site, 1)}\n".encode()))

    assert stored.times(site.account_id, CASE) == {at(0), at(1)}


def test_blank_lines_without_end_cost_little(ingest: Ingest, site: Site) -> None:
    result = ingest("log.jsonl", "\n" * 30_000 + line(site, 0) + "\n")

    assert "1 stored" in result.output
    assert "Skipped 30000 rows" in result.output


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", "", "empty.csv: The file is empty."),
        ("head.csv", header() + "\n", "head.csv: Nothing follows the header row."),
        ("text.csv", "no\ncolumns 1\n", "text.csv: No row names the columns."),
        ("empty.json", "", "empty.json: The body is not JSON"),
        ("empty.jsonl", "\n\n", "empty.jsonl: nothing of it could be stored."),
        (
            "cut.csv.gz",
            gzip.compress(b"x", mtime=0)[:5],
            "cut.csv.gz: The compressed data ends too early.",
        ),
        ("no.csv.gz", b"pms_id,time", "no.csv.gz: The compressed data is damaged"),
        ("utf16.csv", "pms_id".encode("utf-16"), "utf16.csv: The file is not UTF-8 text"),
        ("noise.jsonl", "{\n}\n", "noise.jsonl: nothing of it could be stored."),
    ],
)
def test_it_fails_when_nothing_was_stored(
    ingest: Ingest, site: Site, name: str, content: str | bytes, said: str
) -> None:
    result = ingest(name, content, "--account", str(site.account_id))

    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_file_that_can_not_be_read_does_not_stop_the_others(
    runner: FlaskCliRunner, site: Site, tmp_path: Path
) -> None:
    for name, text in (("a.csv", ""), ("b.csv", f"{header()}\n{row(site, 0)}\n")):
        (tmp_path / name).write_text(text)

    result = runner.invoke(args=["pms", "ingest", str(tmp_path / "a.csv"), str(tmp_path / "b.csv")])

    assert result.exit_code == 1
    assert "a.csv: The file is empty." in result.output
    assert stored.times(site.account_id, CASE) == {at(0)}
