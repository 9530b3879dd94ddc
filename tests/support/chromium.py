"""Where the browser of the tests is: ``python -m support.chromium`` prints its path."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "PMS_TEST_BROWSER"
"""The path of a Chromium of one's own."""

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = (
    "/snap/bin/chromium",
    "/opt/google/chrome/chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
# Where `playwright install chromium` puts it, unless PLAYWRIGHT_BROWSERS_PATH says otherwise.
PLAYWRIGHT_FOLDERS = ("~/.cache/ms-playwright", "~/Library/Caches/ms-playwright")
PLAYWRIGHT_PROGRAMS = (
    "chromium-*/chrome-linux*/chrome",
    "chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
    "chromium_headless_shell-*/chrome-*/*headless?shell",
)
MISSING = (
    "There is no Chromium: run `make browser`, install Debian's package chromium, or name "
    f"one with {VARIABLE}."
)


def chromium() -> str:
    """Return the path of the browser.

    :raises RuntimeError: without one, saying how to get it.
    """
    named = os.environ.get(VARIABLE)
    found = named if named else next(_candidates(), None)
    if found is None or not os.access(found, os.X_OK):
        raise RuntimeError(f"{VARIABLE}: {named} can't be run." if named else MISSING)
    return found


def _candidates() -> Iterator[str]:
    yield from filter(None, map(shutil.which, NAMES))
    yield from (place for place in PLACES if os.access(place, os.X_OK))
    configured = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    for folder in [configured] if configured else PLAYWRIGHT_FOLDERS:
        for pattern in PLAYWRIGHT_PROGRAMS:
            # The newest first: the numbers of its folders grow.
            yield from map(str, sorted(Path(folder).expanduser().glob(pattern), reverse=True))


def main() -> int:
    """Print the path of the browser; the exit code tells whether there is one."""
    try:
        print(chromium())
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
