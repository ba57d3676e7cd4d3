"""Test the detection of formats, and the errors for files of unknown format."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from recorded_runs import metric_logger_lines

from vae_exporter.errors import LogError
from vae_exporter.judge.logs.columns import Columns
from vae_exporter.judge.logs.detection import FORMATS, read_rows
from vae_exporter.judge.logs.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable


def detect(lines: Iterable[str]) -> tuple[str, list[Row]]:
    name, items = read_rows(io.BufferedReader(io.BytesIO("\n".join(lines).encode())), Columns(), lambda _: None)
    return name, [item for item in items if isinstance(item, Row)]


PREAMBLE = ["Namespace(lr=0.0001, batch_size=4, weights='a,b,c')", "{'seed': 3}", '{"config": 1}', "a,b", "1,2"]

LOGS = {
    "MetricLogger": list(metric_logger_lines("bad_run")),
    "JSON Lines": [f'{{"step": {step}, "nll_loss": 0.{step}}}' for step in range(10, 30)],
    "JSON": [line for step in range(10, 30) for line in ("{", f'  "step": {step},', f'  "nll_loss": 0.{step}', "}")],
    "logged dictionaries": [f"INFO:root:{{'nll_loss': tensor(0.{step})}}" for step in range(10, 30)],
    "CSV": ["step,nll_loss", *(f"{step},0.{step}" for step in range(10, 30))],
    "labelled values": [f"step {step}, nll_loss: 0.{step}" for step in range(10, 30)],
}


@pytest.mark.parametrize("name", LOGS)
def test_each_format_is_detected_after_a_preamble(name: str) -> None:
    found, rows = detect([*PREAMBLE, *LOGS[name]])
    assert found == name
    assert len(rows) >= 20


def test_each_format_is_tested_and_recognizes_its_own_example() -> None:
    assert [known.name for known in FORMATS] == list(LOGS)
    assert all(
        known.looks(known.example, "1,2,3,4,5,6", Columns()) for known in FORMATS if known.name not in ("CSV", "JSON")
    )


@pytest.mark.parametrize(
    ("lines", "closest"),
    [
        (["Call me Ishmael.", "", "loss was 0.3 at step 12", "Some years ago"], "the closest is line 3"),
        (["epoch 3", "step 12: error=0.3, x=5", "Epoch"], "the closest is line 2"),
        (["", "Call me Ishmael."], "line 2 is\n  Call me Ishmael"),
    ],
    ids=["one number", "several numbers", "prose"],
)
def test_the_error_for_an_unknown_format_shows_the_closest_line_and_all_formats(lines: list[str], closest: str) -> None:
    with pytest.raises(LogError) as raised:
        detect(lines)
    assert closest in str(raised.value)
    assert all(known.example[:20] in str(raised.value) for known in FORMATS)


def test_the_error_for_unknown_names_lists_each_number_that_the_log_repeats_and_the_option_to_map_it() -> None:
    lines = [f"iter {step}: Weighted Objective: 0.{step}  px_err: 0.1  (worker 3 on host 7)" for step in range(10, 30)]
    with pytest.raises(LogError) as raised:
        detect(["seed: 42", *lines])
    assert "in the columns 'iter', 'Weighted Objective', 'px_err', 'worker', 'on host'\n" in str(raised.value)
    assert "try --map 'nll=Weighted Objective'\n" in str(raised.value)


def test_a_mapped_name_of_several_words_is_read() -> None:
    lines = [f"iter {step}: Weighted Objective: 0.{step}" for step in range(10, 30)]
    name, items = read_rows(
        io.BufferedReader(io.BytesIO("\n".join(lines).encode())), Columns({"nll": "Weighted Objective"}), lambda _: None
    )
    rows = [item for item in items if isinstance(item, Row)]
    assert (name, rows[0].step, rows[0].values, len(rows)) == ("labelled values", 10, {"nll": 0.1}, 20)


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "the file is empty"), (b"\xff\xd8\xff\xe0\x00\x10", "not a text file")],
    ids=["empty", "binary"],
)
def test_an_empty_or_binary_file_raises(data: bytes, words: str) -> None:
    with pytest.raises(LogError, match=words):
        read_rows(io.BufferedReader(io.BytesIO(data)), Columns(), lambda _: None)


@pytest.mark.parametrize(
    "comment",
    ["训练日志 坏的\n".encode("gbk") * 300, bytes(5000), b"Gr\xf6\xdfe\n"],
    ids=["GBK", "zeros", "Latin-1"],
)
def test_text_in_another_encoding_and_blocks_of_zeros_do_not_prevent_detection(comment: bytes) -> None:
    data = comment + "\n".join(LOGS["MetricLogger"]).encode()
    name, items = read_rows(io.BufferedReader(io.BytesIO(data)), Columns(), lambda _: None)
    assert name == "MetricLogger"
    assert len([item for item in items if isinstance(item, Row)]) == len(LOGS["MetricLogger"])


def test_utf_16_without_a_byte_order_mark_is_read() -> None:
    data = "\n".join(LOGS["MetricLogger"]).encode("utf-16-le")
    name, items = read_rows(io.BufferedReader(io.BytesIO(data)), Columns(), lambda _: None)
    assert (name, len(list(items))) == ("MetricLogger", len(LOGS["MetricLogger"]))


def test_a_file_of_one_endless_line_raises() -> None:
    with pytest.raises(LogError, match="every line has 1048576 characters or more"):
        detect(["x" * 3_000_000])
