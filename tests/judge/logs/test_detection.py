"""Formats are told by content, and what is none is told with the line that looked closest."""

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
    "logged dictionaries": [f"INFO:root:{{'nll_loss': tensor(0.{step})}}" for step in range(10, 30)],
    "CSV": ["step,nll_loss", *(f"{step},0.{step}" for step in range(10, 30))],
}


@pytest.mark.parametrize("name", LOGS)
def test_each_format_is_known_after_any_preamble(name: str) -> None:
    found, rows = detect([*PREAMBLE, *LOGS[name]])
    assert found == name
    assert len(rows) >= 20


def test_each_format_has_a_case_and_an_example_of_itself() -> None:
    assert [known.name for known in FORMATS] == list(LOGS)
    assert all(known.looks(known.example, "1,2,3,4,5,6") for known in FORMATS if known.name != "CSV")


@pytest.mark.parametrize(
    ("lines", "closest"),
    [
        (["Call me Ishmael.", "", "loss was 0.3 at step 12", "Some years ago"], "line 3 looked closest"),
        (["epoch 3", "step 12: loss=0.3, kl=5", "Epoch"], "line 2 looked closest"),
        (["", "Call me Ishmael."], "line 2 is\n  Call me Ishmael"),
    ],
)
def test_what_is_no_log_is_told_with_the_closest_line_and_what_was_expected(lines: list[str], closest: str) -> None:
    with pytest.raises(LogError) as raised:
        detect(lines)
    assert closest in str(raised.value)
    assert all(known.example[:20] in str(raised.value) for known in FORMATS)


@pytest.mark.parametrize(("data", "words"), [(b"", "it is empty"), (b"\xff\xd8\xff\xe0\x00\x10", "it is no text")])
def test_what_is_empty_or_no_text_is_told(data: bytes, words: str) -> None:
    with pytest.raises(LogError, match=words):
        read_rows(io.BufferedReader(io.BytesIO(data)), Columns(), lambda _: None)


@pytest.mark.parametrize("comment", ["训练日志 坏的\n".encode("gbk") * 300, bytes(5000), b"Gr\xf6\xdfe\n"])
def test_words_in_another_encoding_and_holes_of_zeroes_leave_a_log_a_log(comment: bytes) -> None:
    data = comment + "\n".join(LOGS["MetricLogger"]).encode()
    name, items = read_rows(io.BufferedReader(io.BytesIO(data)), Columns(), lambda _: None)
    assert name == "MetricLogger"
    assert len([item for item in items if isinstance(item, Row)]) == len(LOGS["MetricLogger"])


def test_a_log_without_its_mark_of_utf_16_is_read() -> None:
    data = "\n".join(LOGS["MetricLogger"]).encode("utf-16-le")
    name, items = read_rows(io.BufferedReader(io.BytesIO(data)), Columns(), lambda _: None)
    assert (name, len(list(items))) == ("MetricLogger", len(LOGS["MetricLogger"]))


def test_a_line_without_an_end_is_told() -> None:
    with pytest.raises(LogError, match="it has no line of less than 1048576 characters"):
        detect(["x" * 3_000_000])
