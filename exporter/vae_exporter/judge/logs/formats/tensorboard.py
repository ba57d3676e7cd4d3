"""Parse the scalars in TensorBoard event files.

The package tensorboard would add grpc, protobuf and 40 MB to read four fields of two messages. An event file is a
sequence of records (length, checksum of the length, data, checksum of the data; see TensorFlow's
``lib/io/record_writer.h``). Each is an Event in protobuf's wire format (``core/util/event.proto``).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from vae_exporter.judge.logs.columns import has_losses
from vae_exporter.judge.logs.rows import BAD_STEP, CUT_SHORT, TRUNCATED, Refusal, Row, whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from vae_exporter.judge.logs.columns import Columns

EXAMPLE = "a TensorBoard event file (events.out.tfevents...)"

_HEADER = struct.Struct("<QI")
_MAX_RECORD = 1 << 28
_CHECKED_BYTES = 1 << 12  # scalars are smaller; verifying large images would be slow

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# Fields of Event, Summary, Summary.Value and TensorProto.
_WALL_TIME, _STEP, _SUMMARY = 1, 2, 5
_VALUE = 1
_TAG, _SIMPLE_VALUE, _TENSOR = 1, 2, 8
_DTYPE, _CONTENT, _FLOATS, _DOUBLES = 1, 4, 5, 6

_FLOAT_TYPES = {1: "<f", 2: "<d"}  # DT_FLOAT, DT_DOUBLE

_MASK = 0xA282EAD8

_Field = tuple[int, "int | bytes"]


def is_event_file(head: bytes) -> bool:
    """Return whether a file that begins with *head* is an event file: its first length has a valid checksum."""
    if len(head) < _HEADER.size:
        return False
    length, checksum = _HEADER.unpack_from(head)
    return bool(0 < length < _MAX_RECORD and checksum == masked_crc(head[:8]))


def parse(file: BinaryIO, columns: Columns) -> Iterator[Row | Refusal]:
    """Yield a row for the consecutive scalars of each step. The line of a row is the number of its first record."""
    first, step, seconds = 0, 0, 0.0
    scalars: dict[str, float] = {}
    for record, data in _records(file):
        if isinstance(data, Refusal):
            if scalars:
                yield from _row(first, step, seconds, scalars, columns)
                scalars = {}
            yield data
            continue
        try:
            event = _event(data)
        except (ValueError, struct.error, IndexError, UnicodeDecodeError):
            yield Refusal(record, CUT_SHORT, f"record {record}", "not an event")
            continue
        found_step, found_seconds, found = event
        if found and (found_step != step or found.keys() & scalars.keys()) and scalars:
            yield from _row(first, step, seconds, scalars, columns)
            scalars = {}
        if found and not scalars:
            first, step, seconds = record, found_step, found_seconds
        scalars.update(found)
    if scalars:
        yield from _row(first, step, seconds, scalars, columns)


def _row(
    record: int, step: int, seconds: float, scalars: dict[str, float], columns: Columns
) -> Iterator[Row | Refusal]:
    values = {name: value for name, value in columns.pick(scalars).items() if name not in ("step", "time")}
    text = f"record {record}: step {step}, {', '.join(scalars)}"
    validation = columns.pick_validation(scalars)
    if not has_losses(values):
        if validation:
            yield Row(record, text, None, {}, validation=validation)
        return
    if whole(step) is None:
        yield Refusal(record, BAD_STEP, text)
        return
    yield Row(record, text, step, values, epoch=whole(values.get("epoch")), seconds=seconds, validation=validation)


def _records(file: BinaryIO) -> Iterator[tuple[int, bytes | Refusal]]:
    number = 0
    while header := file.read(_HEADER.size):
        number += 1
        text = f"record {number}"
        if len(header) < _HEADER.size:
            yield number, Refusal(number, TRUNCATED, text)
            return
        length, checksum = _HEADER.unpack(header)
        if checksum != masked_crc(header[:8]) or length > _MAX_RECORD:  # the start of the next record is unknown
            yield number, Refusal(number, CUT_SHORT, text, "the checksum of its length is wrong; the rest is not read")
            return
        data = file.read(length)
        footer = file.read(4)
        if len(footer) < 4:  # noqa: PLR2004 - a checksum
            yield number, Refusal(number, TRUNCATED, text)
            return
        if length <= _CHECKED_BYTES and struct.unpack("<I", footer)[0] != masked_crc(data):
            yield number, Refusal(number, CUT_SHORT, text, "its checksum is wrong")
            continue
        yield number, data


def _event(data: bytes) -> tuple[int, float, dict[str, float]]:
    step, seconds = 0, 0.0
    scalars: dict[str, float] = {}
    for field, content in _fields(data):
        if field == _WALL_TIME and isinstance(content, bytes):
            (seconds,) = struct.unpack("<d", content)
        elif field == _STEP and isinstance(content, int):
            step = content - (1 << 64) if content >> 63 else content
        elif field == _SUMMARY and isinstance(content, bytes):
            for part, value in _fields(content):
                if part == _VALUE and isinstance(value, bytes) and (scalar := _scalar(value)) is not None:
                    scalars[scalar[0]] = scalar[1]
    return step, seconds, scalars


def _scalar(data: bytes) -> tuple[str, float] | None:
    """Return the tag and number of a Summary.Value, or None if it is an image, a histogram or text."""
    tag, number = "", None
    for field, content in _fields(data):
        if not isinstance(content, bytes):
            continue
        if field == _TAG:
            tag = content.decode()
        elif field == _SIMPLE_VALUE:
            (number,) = struct.unpack("<f", content)
        elif field == _TENSOR:
            number = _tensor(content)
    return None if number is None else (tag, number)


def _tensor(data: bytes) -> float | None:
    """Return the number in a TensorProto that holds a single float or double, else None."""
    fields = dict(_fields(data))
    kind = fields.get(_DTYPE)
    layout = _FLOAT_TYPES.get(kind) if isinstance(kind, int) else None
    if layout is None:
        return None
    for field in (_CONTENT, _FLOATS, _DOUBLES):
        content = fields.get(field)
        if isinstance(content, bytes) and len(content) == struct.calcsize(layout):
            return float(struct.unpack(layout, content)[0])
    return None


def _fields(data: bytes) -> Iterator[_Field]:
    """Yield the numbers and contents of the fields of a message in protobuf's wire format."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, at = _varint(data, at)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"wire type {kind}")
        if at + length > len(data):
            raise ValueError("a field is longer than its message")
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:  # noqa: PLR2004 - the last byte has no top bit
            return value & (2**64 - 1), at
        shift += 7
        if shift > 63:  # noqa: PLR2004 - at most ten bytes
            raise ValueError("a varint is longer than ten bytes")


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_CRC_TABLE = _crc_table()


def masked_crc(data: bytes) -> int:
    """Return the CRC-32C of *data* with TensorFlow's mask."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF
