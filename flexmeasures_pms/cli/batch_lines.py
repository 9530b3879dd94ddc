"""A file of commands: its lines, and the words of each as a shell would have them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import click

from flexmeasures_pms import identifiers

PROGRAM = "flexmeasures pms"
MOST_BYTES = 65_536
"""How long a line may be."""

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One command of a file.

    :param number: of its first line, from 1.
    :param fault: why it can't be read; empty if it can.
    """

    number: int
    text: str
    fault: str = ""

    @property
    def shown(self) -> str:
        """The text as it can be printed."""
        text = "".join(c if c.isprintable() else "\ufffd" for c in self.text[:_SHOWN])
        return f"{text}…" if len(self.text) > _SHOWN else text

    def words(self) -> list[str]:
        """Return the name of the command and what it is given.

        :raises click.UsageError: if it can't be read, or names another program.
        """
        if self.fault:
            raise click.UsageError(self.fault)
        if found := identifiers.control_character(self.text.replace("\t", " ")):
            raise click.UsageError(f"It has the control character {found}.")
        try:
            words = shlex.split(self.text, comments=True)
        except ValueError as error:
            raise click.UsageError(f"It can't be split into words: {error}.") from error
        if words[:2] == PROGRAM.split():
            words = words[2:]
        elif words[:1] == ["flexmeasures"]:
            raise click.UsageError(f"Only commands of `{PROGRAM}` can be in a batch.")
        if words[:1] == ["batch"]:
            raise click.UsageError("A batch can't run another batch.")
        if not words:
            raise click.UsageError(f"It names no command: see `{PROGRAM} --help`.")
        return words


def lines(file: BinaryIO) -> Iterator[CommandLine]:
    """Yield the commands of a file, without empty lines and comments.

    A backslash at the end of a line joins the next one to it. After a line that is too long,
    nothing more is read.
    """
    begun, first = "", 0
    for number, raw in enumerate(iter(lambda: file.readline(MOST_BYTES + 1), b""), 1):
        first = first or number
        text, fault = _decoded(raw, number)
        if fault:
            yield CommandLine(number, text, fault)
            if len(raw) > MOST_BYTES:
                return
        elif _goes_on(text) and len(begun) < MOST_BYTES:
            begun += text[:-1]
            continue
        elif (line := (begun + text).strip()) and not line.startswith("#"):
            yield CommandLine(first, line)
        begun, first = "", 0
    if begun.strip():
        yield CommandLine(first, begun.strip())


def _decoded(raw: bytes, number: int) -> tuple[str, str]:
    """Return the text of a line, and what is wrong with it."""
    text = raw.decode("utf-8-sig" if number == 1 else "utf-8", "replace").rstrip("\r\n")
    if len(raw) > MOST_BYTES:
        return text, f"It is longer than {MOST_BYTES:,} bytes: no more of the file is read."
    try:
        raw.decode()
    except UnicodeDecodeError:
        return text, "It is not text in UTF-8."
    return text, ""


def _goes_on(text: str) -> bool:
    backslashes = len(text) - len(text.rstrip("\\"))
    return backslashes % 2 == 1 and not text.lstrip().startswith("#")
