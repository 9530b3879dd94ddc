"""FlexMeasures' configuration in the demo.

FlexMeasures reads few settings from the environment, and a configuration file overrides
those. So the demo writes a file, and points FlexMeasures to it by HOME, where it looks
first: the same variables make any ``flexmeasures`` command reach the demo.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from flexmeasures_pms.demo.servers import Servers
from flexmeasures_pms.demo.store import secret_key, write_private
from flexmeasures_pms.simulator import demo_layout

CONFIG_FILE = ".flexmeasures.cfg"


def write_config(data_dir: Path, servers: Servers) -> Path:
    """Write the configuration file into the demo's home folder, and return that folder."""
    lines = [f"{name} = {value!r}\n" for name, value in _settings(data_dir, servers).items()]
    home = data_dir / "home"
    write_private(home / CONFIG_FILE, "".join(lines).encode())
    return home


def environment(data_dir: Path, servers: Servers) -> dict[str, str]:
    """Return the variables with which any ``flexmeasures`` command reaches this demo."""
    folders = [str(Path(sys.executable).parent)]
    if servers.programs is not None:
        # pg_dump of the server's own version, for `flexmeasures db-ops dump`.
        folders.append(str(servers.programs))
    return {
        "HOME": str(data_dir.resolve() / "home"),
        "FLEXMEASURES_ENV": "production",
        "PATH": os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)]),
    }


def _settings(data_dir: Path, servers: Servers) -> Mapping[str, object]:
    return {
        "SQLALCHEMY_DATABASE_URI": servers.database_uri,
        "FLEXMEASURES_REDIS_URL": servers.redis_host,
        "FLEXMEASURES_REDIS_PORT": servers.redis_port,
        # Never None: the Tasks page would use "None" as the password.
        "FLEXMEASURES_REDIS_PASSWORD": servers.redis_password,
        "SECRET_KEY": secret_key(data_dir),
        "FLEXMEASURES_PLUGINS": ["flexmeasures_pms"],
        "FLEXMEASURES_PLATFORM_NAME": "flexmeasures-pms demo",
        "FLEXMEASURES_TIMEZONE": demo_layout().timezone,
        "FLEXMEASURES_CREATE_TEMPLATE_ASSETS_ON_STARTUP": False,
        "PMS_OFFLINE_ASSETS": True,
        # A simulated day is posted as fast as it can be, and so are the bench's requests.
        "PMS_GATEWAY_REQUESTS_PER_MINUTE": 1_000_000,
        "PMS_GATEWAY_SAMPLES_PER_MINUTE": 100_000_000,
        "PMS_GATEWAY_BYTES_PER_MINUTE": 1_000_000_000_000,
        "TRUSTED_HOSTS": ["localhost", "127.0.0.1"],
        "SECURITY_TWO_FACTOR": False,
        # The curl line that the demo prints is to work for as long as the demo is kept.
        "SECURITY_TOKEN_MAX_AGE": int(timedelta(days=366).total_seconds()),
        # No connections to anywhere: neither mail, nor a lookup of leaked passwords.
        "MAIL_SUPPRESS_SEND": True,
        "MAIL_USERNAME": "",
        "MAIL_PASSWORD": "",
        "SECURITY_PASSWORD_CHECK_BREACHED": None,
    }
