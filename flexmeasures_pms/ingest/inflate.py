"""Decompression of gzip data, up to the place where it ends too early or is damaged."""

from __future__ import annotations

import io
import zlib

_GZIP = 16 + zlib.MAX_WBITS
_CHUNK = 1 << 16
# Data that no longer decompresses is tried again in smaller and smaller parts.
_PARTS = (1 << 10, 1 << 5, 1)


class Inflated(io.RawIOBase):
    """The content of a gzip stream of one or more members.

    :param raw: the compressed data.
    :ivar fault: why the content ends before the data is whole, or is not what was compressed;
        empty if it is whole. It is known when everything is read.
    :ivar size: bytes read so far.
    :ivar wrong: whether the checksum is: any of the content may be wrong.
    """

    def __init__(self, raw: io.BufferedReader) -> None:
        """Begin to read."""
        super().__init__()
        self.raw = raw
        self.fault = ""
        self.wrong = False
        self.size = 0
        self._member: zlib._Decompress | None = None
        self._rest = b""
        self._ready = b""
        self._ended = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read decompressed bytes into a buffer; return their number, 0 at the end."""
        while not self._ready and not self._ended:
            self._fill(len(target))
        part, self._ready = self._ready[: len(target)], self._ready[len(target) :]
        target[: len(part)] = part
        self.size += len(part)
        return len(part)

    def _fill(self, most: int) -> None:
        data = self._rest or self.raw.read(_CHUNK)
        self._rest = b""
        if self._member is None:
            if not data:
                self._ended = True
            # Padding may follow on a member.
            data = data.lstrip(b"\x00")
            if not data:
                return
        member = self._member = self._member or zlib.decompressobj(_GZIP)
        self._take(member, data, most)
        if not data and not self._ready and not member.eof:
            self._end("The compressed data ends too early.")

    def _take(self, member: zlib._Decompress, data: bytes, most: int) -> None:
        before = member.copy()
        try:
            self._ready = member.decompress(data, most)
        except zlib.error as fault:
            self._ready = _until_damage(before, data)
            self.wrong = "data check" in str(fault)
            self._end(f"The compressed data is damaged: {fault}.")
            return
        self._rest = member.unconsumed_tail or member.unused_data
        if member.eof:
            self._member = None

    def _end(self, fault: str) -> None:
        self.fault, self._ended = fault, True


def inspected(raw: io.BufferedReader) -> Inflated:
    """Return a gzip stream that was read to its end, for its fault; ``raw`` is at its begin."""
    stream = Inflated(raw)
    while stream.read(_CHUNK):
        pass
    raw.seek(0)
    return stream


def _until_damage(member: zlib._Decompress, data: bytes) -> bytes:
    """Return what decompresses before the damage, as far as it can be told."""
    content = b""
    for size in _PARTS:
        while data:
            before = member.copy()
            try:
                content += member.decompress(data[:size])
            except zlib.error:
                member = before
                break
            data = data[size:]
    return content
