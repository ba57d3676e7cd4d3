"""Test the parser for JSON documents of many lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from vae_exporter.judge.logs.columns import Columns
from vae_exporter.judge.logs.formats import json_document, json_lines
from vae_exporter.judge.logs.rows import BAD_STEP, CUT_SHORT, TOO_LONG, TRUNCATED, Line, Refusal, Row

if TYPE_CHECKING:
    from collections.abc import Iterable

ROWS = [{"step": step, "losses": {"nll": 0.5, "note": 'a "{" in a \\string'}} for step in (1, 2)]


def parse(lines: Iterable[str]) -> list[Row | Refusal]:
    return list(json_document.parse((Line(number, text) for number, text in enumerate(lines, 1)), Columns()))


def outcome(lines: Iterable[str]) -> list[int | str | None]:
    return [item.step if isinstance(item, Row) else item.reason for item in parse(lines)]


@pytest.mark.parametrize(
    "documents",
    [ROWS, [ROWS], [{"log_history": ROWS, "global_step": 9, "loss": "mse"}], [{"a": {"b": 1}, "runs": [ROWS]}]],
    ids=["objects", "an array", "an object with an array", "nested arrays"],
)
@pytest.mark.parametrize("indent", [1, 4])
def test_rows_are_found_in_documents_of_any_shape(documents: list[object], indent: int) -> None:
    text = "Loading...\n" + "\n".join(json.dumps(document, indent=indent) for document in documents)
    assert outcome(text.split("\n")) == [1, 2]


def test_a_document_in_one_line_is_read_as_json_lines() -> None:
    for text in (json.dumps(ROWS), json.dumps({"log_history": ROWS})):
        assert json_lines.looks(text)
        assert [row.step for row in json_lines.parse([Line(1, text)], Columns()) if isinstance(row, Row)] == [1, 2]


def test_an_object_with_a_step_and_losses_is_a_row_and_its_arrays_are_none() -> None:
    assert outcome(json.dumps({"step": 9, "nll": 0.5, "clips": ROWS}, indent=1).split("\n")) == [9]


def test_a_damaged_document_is_refused_and_the_next_one_is_read() -> None:
    good = ["{", '"step": 1, "nll": 0.5', "}"]
    assert outcome(["{", '"step": 9,', *good]) == [CUT_SHORT, 1]
    assert outcome(["{", '"step": 9, "nll": 0.5.5', "}", *good]) == [CUT_SHORT, 1]
    assert outcome(["{", '"step": -9, "nll": 0.5', "}", *good]) == [BAD_STEP, 1]
    assert outcome([*good, "{", '"nll": 0.5']) == [1, TRUNCATED]
    assert outcome(["[" * 100_000 + "]" * 100_000, *good]) == [CUT_SHORT, 1]


def test_a_document_that_does_not_fit_into_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_document, "MAX_CHARACTERS", 100)
    assert outcome(["[", *(["1,"] * 100)]) == [TOO_LONG]
