"""``python -m flexmeasures_pms.simulator``: the files it writes."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest

from flexmeasures_pms.simulator.__main__ import main
from flexmeasures_pms.wire import Limits, decode

PERIOD = ("--start", "2026-01-05T10:00+07:00", "--end", "2026-01-05T14:00+07:00", "--step", "1800")
AMPLE = Limits(bytes=10**7, datasets=1000, samples=10**5, depth=20, sample_bytes=10**5)


def test_a_folder_gets_a_file_for_each_dataset_and_the_registry(tmp_path: Path) -> None:
    assert main([*PERIOD, "--out", str(tmp_path / "out")]) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["inverter.jsonl", "mppt.jsonl", "pms.jsonl", "registry.csv"]
    lines = (tmp_path / "out" / "pms.jsonl").read_text().splitlines()
    assert len(lines) == 8
    assert json.loads(lines[0])["datasets"][0]["pms_id"] == "PMS-01-001"


def test_the_same_arguments_give_the_same_compressed_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        assert main([*PERIOD, "--out", str(tmp_path / name), "--gzip"]) == 0
    for name in ("pms.jsonl.gz", "mppt.jsonl.gz", "inverter.jsonl.gz"):
        one, other = ((tmp_path / folder / name).read_bytes() for folder in ("one", "other"))
        assert one == other
        assert gzip.decompress(one)
        assert one[3:8] == bytes(5), "no name and no time in the header"


def test_csv_holds_the_samples_of_the_json(tmp_path: Path) -> None:
    table, lines = tmp_path / "pms.csv", tmp_path / "pms.jsonl"
    assert main([*PERIOD, "--out", str(table), "--format", "csv"]) == 0
    assert main([*PERIOD, "--out", str(lines)]) == 0
    rows = list(csv.DictReader(table.read_text().splitlines()))
    samples = [
        sample
        for line in lines.read_text().splitlines()
        for dataset in json.loads(line)["datasets"]
        for sample in dataset["data"]
    ]
    assert len(rows) == len(samples)
    assert len(rows[0]) == 42
    for row, sample in zip(rows, samples, strict=True):
        pack = sample["pack"]
        assert (row["time_local"], row["pack.id"]) == (sample["time_local"], pack["id"])
        assert float(row["pack.amps"]) == pack["amps"]
        assert [float(row[f"cell.volts.{n}"]) for n in range(1, 15)] == pack["cell"]["volts"]
        assert [n for n in range(1, 15) if row[f"cell.open.{n}"] == "1"] == pack["cell"]["open"]
        assert [float(row[f"fet.temp.{n}"]) for n in (1, 2)] == pack["fet"]["temp"]
    assert any(sample["pack"]["cell"]["open"] for sample in samples)


def test_the_csv_is_decoded_without_a_fault(tmp_path: Path) -> None:
    table = tmp_path / "pms.csv"
    assert main([*PERIOD, "--out", str(table), "--format", "csv"]) == 0
    decoded = decode(table.read_bytes(), dataset="pms", content_type="text/csv", limits=AMPLE)
    assert decoded.skipped == 0
    assert len(decoded.samples) == 8 * 12
    assert not any(s.invalid or s.faulty or s.no_answer for s in decoded.samples)


def test_the_pack_moves_in_the_middle_of_the_period_unless_told_otherwise(tmp_path: Path) -> None:
    for name, more in (("middle", []), ("early", ["--swap-at", "2026-01-05T10:30+07:00"])):
        out = tmp_path / f"{name}.csv"
        assert main([*PERIOD, "--out", str(out), "--format", "csv", *more]) == 0
    docks = {
        name: [
            row["pack.dock"]
            for row in csv.DictReader((tmp_path / f"{name}.csv").read_text().splitlines())
            if row["pack.id"] == "0246"
        ]
        for name in ("middle", "early")
    }
    assert docks["middle"] == ["6"] * 4 + ["19"] * 4
    assert docks["early"] == ["6"] + ["19"] * 7


def test_a_single_file_holds_the_dataset_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "sun.jsonl"
    assert main([*PERIOD, "--out", str(out), "--dataset", "mppt", "--gzip"]) == 0
    (written,) = tmp_path.iterdir()
    assert written.name == "sun.jsonl.gz"
    assert (
        "mppt_id"
        in json.loads(gzip.decompress(written.read_bytes()).splitlines()[0])["datasets"][0]
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--step", "0"], "does not go forward"),
        (["--packs", "13"], "A fleet has"),
        (["--format", "csv", "--dataset", "mppt"], "no CSV of mppt"),
    ],
)
def test_unusable_arguments_end_with_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert main([*PERIOD, "--out", str(tmp_path / "x.jsonl"), *more]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_time_without_offset_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--start", "2026-01-05T10:00", "--end", "x", "--step", "1", "--out", "x"])
    assert "has no offset" in capsys.readouterr().err
