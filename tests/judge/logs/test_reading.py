"""Test the reading of lines from files."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_exporter.errors import LogError
from vae_exporter.judge.logs import reading
from vae_exporter.judge.logs.rows import TOO_LONG, TRUNCATED, Refusal


def read(path: Path) -> tuple[list[str], list[Refusal]]:
    refused: list[Refusal] = []
    with reading.open_log(path) as file:
        return [line.text for line in reading.read_lines(file, refused.append)], refused


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_all_line_endings_and_encodings_are_read(tmp_path: Path, end: str, encoding: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(f"one{end}zwölf{end}three".encode(encoding))
    assert read(path) == (["one", "zwölf", "three"], [])


def test_terminal_colors_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("\x1b[1;32mnll\x1b[0m: \x1b]0;title\x07 0.5\x1b[K\n")
    assert read(path) == (["nll:  0.5"], [])


def test_concatenated_gzip_files_are_decompressed(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n" * 100_000))
    assert read(path) == (["one"] + ["two"] * 100_000, [])


@given(kept=st.integers(100, 400))
def test_a_truncated_gzip_file_is_read_up_to_its_end(tmp_path_factory: pytest.TempPathFactory, kept: int) -> None:
    lines = [f"line {number} of many: {number * 7919 % 1000}" for number in range(100)]
    path = tmp_path_factory.mktemp("cut") / "log.gz"
    packed = gzip.compress("\n".join(lines).encode())
    path.write_bytes(packed[: min(kept, len(packed) - 9)])
    found, refused = read(path)
    assert found == lines[: len(found)]
    assert [refusal.reason for refusal in refused] == [TRUNCATED]


def test_a_line_that_is_too_long_is_refused_and_the_next_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\n" + "x" * (3 * reading.MAX_LINE) + "\nthree\n")
    found, refused = read(path)
    assert found == ["one", "three"]
    assert [(refusal.line, refusal.reason) for refusal in refused] == [(2, TOO_LONG)]


@pytest.mark.parametrize(
    ("path", "words"),
    [("/dev/zero", "is a device"), ("/", "is a folder"), ("/nowhere/log", "No such file")],
    ids=["device", "folder", "missing"],
)
def test_a_path_that_is_not_a_file_raises_a_clear_error(path: str, words: str) -> None:
    with pytest.raises(LogError, match=words):
        read(Path(path))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"Epoch: [0]", True),
        ("Überlauf, 損失: 0.5\n".encode(), True),
        (bytes(100), False),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", False),
        (bytes(range(1, 256)), False),
    ],
    ids=["ASCII", "UTF-8", "zeros", "image", "all bytes"],
)
def test_text_and_binary_data_are_distinguished(data: bytes, text: bool) -> None:  # noqa: FBT001 - a case
    assert reading.is_text(data) == text


@pytest.mark.parametrize("name", [b"\x1b[31mred", b"latin-\xe9"], ids=["an escape sequence", "other bytes"])
def test_an_error_message_shows_the_name_of_a_file_without_control_characters(tmp_path: Path, name: bytes) -> None:
    with pytest.raises(LogError) as raised:
        read(tmp_path / os.fsdecode(name))
    assert "\N{REPLACEMENT CHARACTER}" in str(raised.value)
    assert str(raised.value).isprintable()


def test_a_pipe_without_a_writer_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr(reading, "QUIET_SECONDS", 0.1)
    with (
        pytest.raises(LogError, match=r"nothing came from it for 0\.1 seconds; pass a log file"),
        reading.open_log(pipe),
    ):
        pass
