from datetime import datetime, timedelta
from pathlib import Path

from flask import Config

from flexmeasures_pms.demo.servers import Servers
from flexmeasures_pms.demo.settings import CONFIG_FILE, environment, write_config
from flexmeasures_pms.demo.store import Access, SentHistory, history, keep, recall, secret_key

NOW = datetime.fromisoformat("2026-03-02T15:04:05+07:00")
ACCESS = Access(1, "a@b.example", "secret", "token", "v@b.example", "secret too")
SERVERS = Servers("postgresql://p:@/db?host=/run/x", "127.0.0.1", 6380, "pass'word", Path("/pg"))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_is_kept_is_recalled_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    assert recall(tmp_path, Access) is None
    keep(tmp_path, ACCESS)
    assert recall(tmp_path, Access) == ACCESS
    assert [mode(path) for path in tmp_path.iterdir()] == [0o600]


def test_the_site_begins_at_yesterdays_midnight_and_stays_the_same(tmp_path: Path) -> None:
    first = history(tmp_path, NOW)
    assert first.since == first.until == datetime.fromisoformat("2026-03-01T00:00+07:00")
    keep(tmp_path, SentHistory(first.since, NOW))
    later = history(tmp_path, NOW + timedelta(days=9))
    assert later == SentHistory(first.since, NOW)
    assert later.layout() == first.layout()


def test_the_pack_moves_on_the_first_day(tmp_path: Path) -> None:
    first = history(tmp_path, NOW)
    (move,) = first.layout().moves
    assert first.since < move.at < first.since + timedelta(days=1)


def test_the_secret_key_outlives_a_restart_and_is_private(tmp_path: Path) -> None:
    assert secret_key(tmp_path) == secret_key(tmp_path)
    assert mode(tmp_path / "secret_key") == 0o600


def test_flexmeasures_reads_the_configuration_as_meant(tmp_path: Path) -> None:
    file = write_config(tmp_path, SERVERS) / CONFIG_FILE
    assert mode(file) == 0o600
    config = Config(tmp_path)
    config.from_pyfile(file)
    assert config["SQLALCHEMY_DATABASE_URI"] == SERVERS.database_uri
    assert config["FLEXMEASURES_REDIS_PASSWORD"] == "pass'word"
    assert config["FLEXMEASURES_PLUGINS"] == ["flexmeasures_pms"]
    assert config["SECURITY_PASSWORD_CHECK_BREACHED"] is None


def test_the_environment_leads_to_the_configuration_and_to_pg_dump(tmp_path: Path) -> None:
    home = write_config(tmp_path, SERVERS)
    found = environment(tmp_path, SERVERS)
    assert found["HOME"] == str(home)
    assert "/pg" in found["PATH"].split(":")
