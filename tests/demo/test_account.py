from pathlib import Path

import pytest

from flexmeasures_pms.demo.account import Account, reachable, stand_in

STRANGER = Account(uid=65534, gid=65534)


def test_a_folder_below_a_closed_home_is_stood_in_for_and_the_home_stays_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    folder = reachable(home / "checkout" / ".data", STRANGER)
    assert folder.parent == tmp_path / "tmp"
    assert home.stat().st_mode & 0o777 == 0o700


def test_without_another_user_a_folder_is_always_reachable(tmp_path: Path) -> None:
    assert reachable(tmp_path / ".data", Account()) == tmp_path / ".data"


def test_two_checkouts_have_two_stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert stand_in(tmp_path / "a") != stand_in(tmp_path / "b")
    assert stand_in(tmp_path / "a") == stand_in(tmp_path / "a")
