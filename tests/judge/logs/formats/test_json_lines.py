"""Test the parser for JSON Lines."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_exporter.judge.logs.columns import Columns
from vae_exporter.judge.logs.formats import json_lines
from vae_exporter.judge.logs.rows import BAD_NUMBER, BAD_STEP, CUT_SHORT, Line, Refusal, Row

if TYPE_CHECKING:
    from collections.abc import Iterable


def parse(lines: Iterable[str]) -> list[Row | Refusal]:
    return list(json_lines.parse((Line(number, text) for number, text in enumerate(lines, 1)), Columns()))


@given(
    step=st.integers(0, 2**53),
    nll=st.floats(),
    rec=st.floats(),
    names=st.permutations(["step", "nll_loss", "rec_loss", "x"]),
)
def test_what_the_json_module_writes_is_read_back(step: int, nll: float, rec: float, names: list[str]) -> None:
    found = {"step": step, "nll_loss": nll, "rec_loss": rec, "x": {"y": ["z"]}}
    [row] = parse([json.dumps({name: found[name] for name in names})])
    assert isinstance(row, Row)
    assert row.step == step
    assert repr(row.values) == repr({"nll": nll, "rec": rec})


def test_arrays_with_one_object_per_line_and_nested_objects_are_read() -> None:
    rows = parse(['[{"step": 1, "train": {"nll_loss": 0.5}},', '{"step": 2, "train": {"nll_loss": "NaN"}}]'])
    assert [row.step for row in rows if isinstance(row, Row)] == [1, 2]
    assert isinstance(rows[1], Row)
    assert math.isnan(rows[1].values["nll"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"step": 1, "nll_lo', CUT_SHORT),
        ('{"step": 1, "nll": 0.{"step": 2, "nll": 0.5}', CUT_SHORT),
        ('{"step": -1, "nll": 0.5}', BAD_STEP),
        ('{"step": 1, "nll": "high"}', BAD_NUMBER),
        ("{" * 100_000, CUT_SHORT),
    ],
    ids=["cut", "spliced", "negative step", "not a number", "too deeply nested"],
)
def test_an_invalid_line_is_refused(text: str, reason: str) -> None:
    [refused, row] = parse([text, '{"step": 2, "nll": 0.5}'])
    assert isinstance(refused, Refusal)
    assert refused.reason == reason
    assert isinstance(row, Row)


def test_objects_without_losses_are_ignored() -> None:
    assert parse(['{"config": {"lr": 0.1}}', '{"step": 3, "test/nll_loss": 0.5}', "hello"]) == []


def test_an_object_of_a_validation_has_no_training_losses() -> None:
    [row] = parse(['{"step": 3, "val/nll_loss": 0.5, "val/rec_loss": "NaN"}'])
    assert isinstance(row, Row)
    assert (row.values, row.validation) == ({}, {"nll": 0.5})


def test_nested_metrics_are_found() -> None:
    [row] = parse(['{"step": 1, "metrics": {"train": {"nll_loss": 0.5}, "val": {"nll_loss": 9}}}'])
    assert isinstance(row, Row)
    assert (row.values, row.validation) == ({"nll": 0.5}, {"nll": 9})
