"""Read the lines of a log file. Handles gzip, any line endings, UTF-16, terminal colors, and truncated files."""

from __future__ import annotations

import io
import os
import re
import select
import stat
import sys
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from vae_exporter.errors import LogError
from vae_exporter.judge.logs.rows import TOO_LONG, TRUNCATED, Line, Refusal, printable, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer as WriteableBuffer

MAX_LINE = 1 << 20
"""The maximum length of a line in characters. A longer one is not a row, and may never end."""

HEAD_BYTES = 1 << 16

STDIN = Path("-")

MAX_PIPED = 256 << 20
"""The maximum number of bytes from a pipe. It may never end, so it is read whole before it is judged."""

QUIET_SECONDS = 30.0
"""How long a pipe may be silent before its end."""

_GZIP = b"\x1f\x8b"
_GZIP_BITS = 31  # zlib's wbits for gzip with the largest window
_BROKEN = (EOFError, OSError, zlib.error)

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # byte order marks; PowerShell's > writes UTF-16

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

_MAX_CONTROL_SHARE = 0.02


@contextmanager
def open_log(path: Path) -> Iterator[io.BufferedReader]:
    """Open *path*, or standard input if it is ``-``, and decompress it if necessary.

    Raises:
        LogError: The file does not exist, is a folder, or is a device or socket, or is a pipe without an end.
    """
    name = printable(str(path))
    try:
        if path == STDIN:
            yield _unpacked(_piped(sys.stdin.fileno(), "standard input"))
            return
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise LogError(f"{name} is a folder; pass the log files in it")
        if stat.S_ISFIFO(mode):
            yield _unpacked(_opened_pipe(path, name))
            return
        if not stat.S_ISREG(mode):
            raise LogError(f"{name} is a device or a socket; pass a log file")
        with path.open("rb") as file:
            yield _unpacked(cast("BinaryIO", file))
    except OSError as error:
        raise LogError(f"cannot read {name}: {error.strerror or error}") from error


def head(file: io.BufferedReader) -> bytes:
    """Return the first bytes of *file* without advancing it.

    Raises:
        LogError: The file is compressed, and damaged at its start.
    """
    try:
        return file.peek(HEAD_BYTES)[:HEAD_BYTES]
    except _BROKEN as error:
        raise LogError(f"the file is compressed and cannot be decompressed: {error}") from error


def is_text(data: bytes) -> bool:
    """Return whether *data*, the start of a file, is text rather than an image, a checkpoint or another binary.

    A log may contain a block of zeros if the machine crashed, or if the log was truncated while it was written. Invalid
    UTF-8 may be text in GBK or Latin-1. Binary files also contain control characters.
    """
    if data.startswith(_UTF_16):
        return True
    written = data.replace(b"\x00", b"")
    control = sum(byte < 32 and byte not in b"\t\n\r\f\b\x1b" for byte in written)  # noqa: PLR2004 - ASCII
    is_utf_8 = "\N{REPLACEMENT CHARACTER}" not in written[:-3].decode("utf-8", "replace")
    return bool(written) and control <= _MAX_CONTROL_SHARE * len(written) + is_utf_8


def read_lines(file: io.BufferedReader, refuse: Callable[[Refusal], None]) -> Iterator[Line]:
    """Yield the lines of *file* without terminal colors. Call *refuse* for each line that cannot be read."""
    encoding = "utf-16" if head(file).startswith(_UTF_16) else "utf-8-sig"
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace")
    number = 0
    try:
        while chunk := text.readline(MAX_LINE):
            number += 1
            if len(chunk) == MAX_LINE and not chunk.endswith("\n"):
                refuse(Refusal(number, TOO_LONG, shown(chunk)))
                while chunk and not chunk.endswith("\n"):
                    chunk = text.readline(MAX_LINE)
                continue
            chunk = chunk.rstrip("\n").replace("\x00", "")
            yield Line(number, _ANSI.sub("", chunk) if "\x1b" in chunk else chunk)
    except _BROKEN as error:
        refuse(Refusal(number + 1, TRUNCATED, "", str(error)))
    finally:
        with suppress(ValueError):  # the file is already closed
            text.detach()


def _opened_pipe(path: Path, name: str) -> BinaryIO:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # otherwise this waits until another process writes to it
    try:
        return _piped(descriptor, name)
    finally:
        os.close(descriptor)


def _piped(descriptor: int, name: str) -> BinaryIO:
    """Return what comes from the pipe *descriptor*, all of it."""
    read = io.BytesIO()
    patience = None if os.isatty(descriptor) else QUIET_SECONDS  # a person may paste it line by line
    while read.tell() <= MAX_PIPED:
        if not select.select([descriptor], [], [], patience)[0]:
            raise LogError(
                f"{name} has not ended, and nothing came from it for {QUIET_SECONDS:g} seconds; pass a log file"
            )
        data = os.read(descriptor, HEAD_BYTES)
        if not data:
            read.seek(0)
            return read
        read.write(data)
    raise LogError(f"{name} has more than {MAX_PIPED >> 20} MiB and may have no end; write it to a file and pass that")


def _unpacked(file: BinaryIO) -> io.BufferedReader:
    reader = file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", file))
    return io.BufferedReader(_Gunzip(reader), HEAD_BYTES) if reader.peek(2).startswith(_GZIP) else reader


class _Gunzip(io.RawIOBase):
    """Decompresses gzip. Unlike the gzip module, it returns all data before it reports that the file is truncated."""

    def __init__(self, packed: io.BufferedReader) -> None:
        super().__init__()
        self._packed = packed
        self._inflate = zlib.decompressobj(_GZIP_BITS)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        while True:
            packed = self._inflate.unconsumed_tail or self._packed.read1(HEAD_BYTES)
            if self._inflate.eof:  # concatenated gzip files
                packed = self._inflate.unused_data or packed
                if not packed:
                    return 0
                self._inflate = zlib.decompressobj(_GZIP_BITS)
            elif not packed:
                raise EOFError("the gzip file is truncated")
            data = self._inflate.decompress(packed, len(view))
            if data:
                view[: len(data)] = data
                return len(data)
