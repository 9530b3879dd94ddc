"""The host's guide as what it tells to do: commands to run, and files to write.

A comment before each block of code says what it is::

    <!-- run: ID -->                  commands, whose output has the lines between them
    <!-- run: ID, typing: a b -->     the same, with these lines typed where they ask
    <!-- not run: REASON -->          commands that need root, or start a service
    <!-- file: PATH -->               what is written into a file
    <!-- unit: NAME -->               a unit of systemd, whose command is started
    <!-- here: FILE ID -->            at this place a block of another page is run
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
GUIDE = ROOT / "docs" / "hosting.md"

_BLOCK = re.compile(
    r"(?:^<!-- (?P<said>[^>]+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$"
    r"|^<!-- here: (?P<file>\S+) (?P<ident>\S+) -->$",
    re.M | re.S,
)
_TYPING = ", typing: "


@dataclass(frozen=True, slots=True)
class Command:
    """A command, with the lines that it prints among others.

    :param expected: lines in which ``…`` stands for any text.
    """

    text: str
    expected: tuple[str, ...]

    def lacking(self, printed: str) -> list[str]:
        """Return the expected lines that were not printed, in this order."""
        left = printed
        for number, line in enumerate(self.expected):
            pattern = ".*?".join(map(re.escape, line.strip().split("…")))
            found = re.search(pattern, left, re.S)
            if found is None:
                return list(self.expected[number:])
            left = left[found.end() :]
        return []


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code of a page.

    :param what: ``run``, ``not run``, ``file``, ``unit``, or nothing where no comment says it.
    :param name: the id, reason, path or name that the comment has.
    :param typed: lines to be typed.
    """

    what: str
    name: str
    language: str
    text: str
    typed: tuple[str, ...] = ()

    def commands(self) -> Iterator[Command]:
        """Yield the commands: lines that begin with ``$``, and those that continue them."""
        for part in re.split(r"^\$ ", self.text, flags=re.M)[1:]:
            lines = part.splitlines()
            end = 1
            while lines[end - 1].endswith("\\") and end < len(lines):
                end += 1
            yield Command("\n".join(lines[:end]), tuple(line for line in lines[end:] if line))


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page, and of others where it says ``here``."""
    for found in _BLOCK.finditer(page.read_text()):
        if found["file"]:
            yield named(ROOT / found["file"], found["ident"])
            continue
        what, _, name = (found["said"] or "").partition(": ")
        name, _, typed = name.partition(_TYPING)
        yield Block(what, name, found["language"], found["text"], tuple(typed.split()))


def named(page: Path, ident: str) -> Block:
    """Return a block of a page that is run, by its id.

    :raises LookupError: if the page has none.
    """
    for block in blocks(page):
        if (block.what, block.name) == ("run", ident):
            return block
    raise LookupError(f"{page.name} has no block <!-- run: {ident} -->")


def service(unit: str) -> dict[str, str]:
    """Return what the section Service of a unit says."""
    section = unit.partition("[Service]\n")[2].partition("\n[")[0]
    lines = (line.partition("=") for line in section.splitlines() if "=" in line)
    return {name: value for name, _, value in lines}
