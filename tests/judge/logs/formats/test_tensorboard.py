"""Test the parser for TensorBoard event files, which are written here byte by byte."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_exporter.judge.logs.columns import Columns
from vae_exporter.judge.logs.formats import tensorboard
from vae_exporter.judge.logs.rows import CUT_SHORT, TRUNCATED, Refusal, Row


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def scalar(tag: str, value: float) -> bytes:
    return field(1, field(1, tag.encode()) + varint(2 << 3 | 5) + struct.pack("<f", value))


def event(step: int, *values: bytes, seconds: float = 0.0) -> bytes:
    summary = field(5, b"".join(values)) if values else b""
    return varint(1 << 3 | 1) + struct.pack("<d", seconds) + varint(2 << 3) + varint(step) + summary


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    checksums = [struct.pack("<I", tensorboard.masked_crc(part)) for part in (length, data)]
    return length + checksums[0] + data + checksums[1]


HEADER = record(varint(1 << 3 | 1) + struct.pack("<d", 1.0) + field(3, b"brain.Event:2"))


def parse(data: bytes) -> list[Row | Refusal]:
    return list(tensorboard.parse(io.BytesIO(data), Columns()))


def test_the_checksum_matches_tensorflow() -> None:
    # RFC 3720, B.4: the CRC-32C of 32 zero bytes is 8a9136aa.
    crc = 0x8A9136AA
    assert tensorboard.masked_crc(bytes(32)) == (((crc >> 15 | crc << 17) & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 2**40), st.floats(width=32), st.floats(width=32)),
        min_size=1,
        max_size=5,
        unique_by=lambda row: row[0],
    )
)
def test_scalars_of_one_step_make_one_row(rows: list[tuple[int, float, float]]) -> None:
    data = HEADER + b"".join(
        record(event(step, scalar(tag, value), seconds=2.5))
        for step, nll, rec in rows
        for tag, value in (("train/nll_loss", nll), ("train/rec_loss", rec))
    )
    found = parse(data)
    assert [(row.step, repr(row.values), row.seconds) for row in found if isinstance(row, Row)] == [
        (step, repr({"nll": nll, "rec": rec}), 2.5) for step, nll, rec in rows
    ]
    assert tensorboard.is_event_file(data[:64])


def test_a_tensor_of_one_number_is_read_and_an_image_is_not() -> None:
    tensor = field(8, varint(1 << 3) + varint(1) + field(5, struct.pack("<f", 0.25)))
    image = field(1, field(1, b"sample") + field(4, bytes(5000)))
    data = HEADER + record(event(3, field(1, field(1, b"nll") + tensor))) + record(event(3, image))
    [row] = parse(data)
    assert isinstance(row, Row)
    assert (row.step, row.values) == (3, {"nll": 0.25})


@pytest.mark.parametrize("cut", range(1, 40, 6))
def test_a_truncated_file_is_read_up_to_its_end(cut: int) -> None:
    whole = HEADER + record(event(1, scalar("nll", 0.5)))
    row, refusal = parse((whole + record(event(2, scalar("nll", 0.5))))[: len(whole) + cut])
    assert isinstance(row, Row)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == TRUNCATED


def test_a_record_with_a_wrong_checksum_is_refused_and_the_next_one_is_read() -> None:
    hurt = bytearray(record(event(1, scalar("nll", 0.5))))
    hurt[20] ^= 1
    refusal, row = parse(HEADER + hurt + record(event(2, scalar("nll", 0.5))))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == CUT_SHORT
    assert isinstance(row, Row)
    assert row.step == 2


@given(data=st.binary(max_size=200))
def test_any_bytes_with_valid_checksums_are_read_or_refused(data: bytes) -> None:
    assert all(isinstance(item, Row | Refusal) for item in parse(HEADER + record(data)))


@pytest.mark.parametrize("tag", ["Loss/train/nll", "nll/train", "vae/train/nll_loss", "Train NLL", "losses/NLL"])
def test_tags_with_any_nesting_and_order_are_recognized(tag: str) -> None:
    [row] = parse(HEADER + record(event(3, scalar(tag, 0.5), scalar("Loss/val/nll", 0.25), scalar("ema/nll", 0.75))))
    assert isinstance(row, Row)
    assert (row.step, row.values) == (3, {"nll": 0.5})


def test_the_tags_of_pyramid_flow_are_recognized() -> None:
    [row] = parse(HEADER + record(event(1, scalar("train/loss/nll_loss", 0.5), scalar("opt/lr", 0.25))))
    assert isinstance(row, Row)
    assert row.values == {"nll": 0.5, "learning_rate": 0.25}
