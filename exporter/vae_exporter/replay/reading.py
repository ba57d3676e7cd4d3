"""Lines of a log file, whatever stands in it: compressed or not, any ends of lines, colours, cut in the middle."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import stat
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from vae_exporter.errors import LogError
from vae_exporter.replay.rows import TOO_LONG, TRUNCATED, Line, Refusal, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_LINE = 1 << 20
"""Characters that are kept of a line: what is longer is no row, and may have no end at all."""

HEAD_BYTES = 1 << 16

STDIN = Path("-")

_COMPRESSED: dict[bytes, Callable[[BinaryIO], IO[bytes]]] = {
    b"\x1f\x8b": lambda file: cast("IO[bytes]", gzip.GzipFile(fileobj=file)),
    b"BZh": lambda file: cast("IO[bytes]", bz2.BZ2File(file)),
    b"\xfd7zXZ": lambda file: cast("IO[bytes]", lzma.LZMAFile(file)),  # noqa: SIM115 - closed with what it reads
}
_BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError)

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # what PowerShell's > writes

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

_MAX_CONTROL_SHARE = 0.02


@contextmanager
def open_log(path: Path) -> Iterator[io.BufferedReader]:
    """Open *path* (``-``: standard input) for reading, unpacked.

    Raises:
        LogError: there is no such file, or it is no file that ends.
    """
    try:
        if path == STDIN:
            yield _unpacked(cast("BinaryIO", sys.stdin.buffer))
            return
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise LogError(f"{path} is a folder: give the log files in it")
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise LogError(f"{path} is no file but a device or a socket: give a log file")
        with path.open("rb") as file:
            yield _unpacked(cast("BinaryIO", file))
    except OSError as error:
        raise LogError(f"cannot read {path}: {error.strerror or error}") from error


def head(file: io.BufferedReader) -> bytes:
    """Return the first bytes of *file* without taking them from it.

    Raises:
        LogError: it is compressed, and broken from its start.
    """
    try:
        return file.peek(HEAD_BYTES)[:HEAD_BYTES]
    except _BROKEN as error:
        raise LogError(f"it is compressed and cannot be unpacked: {error}") from error


def is_text(data: bytes) -> bool:
    """Return whether *data*, the start of a file, is text and not an image, a checkpoint or the like."""
    if data.startswith(_UTF_16):
        return True
    if b"\x00" in data:
        return False
    control = sum(byte < 32 and byte not in b"\t\n\r\f\b\x1b" for byte in data)  # noqa: PLR2004 - ASCII
    broken = data.decode("utf-8", "replace").count("\N{REPLACEMENT CHARACTER}")
    return control + broken <= _MAX_CONTROL_SHARE * len(data) + 1


def read_lines(file: io.BufferedReader, refuse: Callable[[Refusal], None]) -> Iterator[Line]:
    """Yield the lines of *file*, without colours. What cannot be read is told to *refuse*."""
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
            chunk = chunk.rstrip("\n")
            yield Line(number, _ANSI.sub("", chunk) if "\x1b" in chunk else chunk)
    except _BROKEN as error:
        refuse(Refusal(number + 1, TRUNCATED, "", str(error)))
    finally:
        text.detach()


def _unpacked(file: BinaryIO) -> io.BufferedReader:
    reader = file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", file))
    start = reader.peek(8)[:8]
    for magic, unpack in _COMPRESSED.items():
        if start.startswith(magic):
            return io.BufferedReader(cast("io.RawIOBase", unpack(cast("BinaryIO", reader))), HEAD_BYTES)
    return reader
