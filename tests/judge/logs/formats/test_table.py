"""Test the parser for CSV, including Lightning's metrics.csv."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_exporter.judge.logs.columns import Columns
from vae_exporter.judge.logs.formats import table
from vae_exporter.judge.logs.rows import BAD_NUMBER, BAD_STEP, CUT_SHORT, Line, Refusal, Row, RunningMean

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMES = {"step": "step", "nll_loss": "nll", "rec_loss": "rec", "my notes": None, "lr": "learning_rate"}


def parse(lines: Iterable[str], **given_columns: str) -> list[Row | Refusal]:
    numbered = (Line(number, text) for number, text in enumerate(lines, 1))
    return list(table.parse(numbered, Columns(given_columns)))


@given(
    columns=st.permutations(list(NAMES)),
    delimiter=st.sampled_from(table.DELIMITERS),
    rows=st.lists(st.tuples(st.integers(0, 2**53), st.floats(), st.floats()), min_size=1, max_size=5),
)
def test_what_the_csv_module_writes_is_read_back(
    columns: list[str], delimiter: str, rows: list[tuple[int, float, float]]
) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    for step, nll, rec in rows:
        writer.writerow({"step": step, "nll_loss": nll, "rec_loss": rec, "my notes": "a, b;\tc", "lr": 0.1})
    found = parse(text.getvalue().splitlines())
    assert [(row.step, repr(row.values)) for row in found if isinstance(row, Row)] == [
        (step, repr({"nll": nll, "rec": rec, "learning_rate": 0.1})) for step, nll, rec in rows
    ]


def test_a_mean_beside_a_value_is_read_with_its_rounding() -> None:
    [row] = parse(["step,nll_loss,nll_loss_mean,rec_loss,rec_loss_mean,lr,lr_mean", "40,0.5,0.25,0.1,,0.1,0.1"])
    assert isinstance(row, Row)
    assert row.values == {"nll": 0.5, "rec": 0.1, "learning_rate": 0.1}
    assert row.means == {"nll": RunningMean(0.25, 0.005)}


def test_lightnings_empty_cells_are_skipped_and_its_validation_rows_have_no_training_losses() -> None:
    lines = [
        "epoch,lr-AdamW,step,train/nll_loss_epoch,train/nll_loss_step,train/rec_loss_step,val/nll_loss",
        ",0.0001,49,,,,",
        "0,,49,,0.25,0.01,",
        "0,,99,,,,0.31",
        "0,,99,,0.24,0.02,",
    ]
    assert [(row.step, row.values, row.validation) for row in parse(lines) if isinstance(row, Row)] == [
        (49, {"nll": 0.25, "rec": 0.01, "epoch": 0}, {}),
        (None, {}, {"nll": 0.31}),
        (99, {"nll": 0.24, "rec": 0.02, "epoch": 0}, {}),
    ]


def test_a_column_can_be_mapped() -> None:
    [row] = parse(["it;wert", "3;0.5"], nll="wert", step="it")
    assert isinstance(row, Row)
    assert (row.step, row.values) == (3, {"nll": 0.5})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("3,0.5", CUT_SHORT),
        ("3,0.5,0.1,9", CUT_SHORT),
        ("3,zero,0.1", BAD_NUMBER),
        ("-1,0.5,0.1", BAD_STEP),
        ("1.5,0.5,0.1", BAD_STEP),
    ],
    ids=["too few cells", "too many cells", "not a number", "negative step", "fractional step"],
)
def test_an_invalid_row_is_refused(text: str, reason: str) -> None:
    [first, refused, last] = parse(["step,nll,rec", "1,0.5,0.1", text, "4,0.5,0.1"])
    assert isinstance(first, Row)
    assert isinstance(refused, Refusal)
    assert refused.reason == reason
    assert isinstance(last, Row)


def test_a_second_header_replaces_the_first() -> None:
    rows = parse(["step,nll", "1,0.5", "# and the other one:", "rec,nll,step", "0.1,0.25,2"])
    assert [(row.step, row.values["nll"]) for row in rows if isinstance(row, Row)] == [(1, 0.5), (2, 0.25)]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12.5", 12.5), ("1970-01-01T00:00:10Z", 10.0), ("yesterday", None), ("", None)],
    ids=["seconds", "ISO 8601", "word", "empty"],
)
def test_a_time_is_a_number_or_a_date(text: str, seconds: float | None) -> None:
    assert table.moment(text) == seconds


def test_a_decimal_comma_is_read_if_cells_have_another_separator() -> None:
    [row] = parse(["step;nll_loss;kl_loss", "3;0,5065;1,5e+03"])
    assert isinstance(row, Row)
    assert (row.step, row.values) == (3, {"nll": 0.5065, "kl": 1500.0})


def test_of_two_columns_with_the_same_name_the_first_is_used() -> None:
    [row] = parse(["step,nll_loss,step", "3,0.5,4"])
    assert isinstance(row, Row)
    assert (row.step, row.values) == (3, {"nll": 0.5})
