"""Test the parser for MetricLogger lines, complete and damaged."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_runs import metric_logger_lines

from vae_exporter.judge.logs.columns import Columns
from vae_exporter.judge.logs.formats import metric_logger
from vae_exporter.judge.logs.rows import BAD_STEP, CUT_SHORT, NO_STEP, Line, Refusal, Row, RunningMean

if TYPE_CHECKING:
    from collections.abc import Iterable

LINE = (
    "Epoch: [1]  [ 560/2000]  eta: 1:06:21  lr: 0.000028  vae_loss: 0.5123 (0.3012)  nll_loss: 0.5065 (0.2875)  "
    "rec_loss: 0.0310 (0.0200)  time: 2.7189  data: 0.0002  max mem: 31382"
)
WHOLE = list(metric_logger_lines("bad_run"))


def parse(lines: Iterable[str]) -> list[Row | Refusal]:
    return list(metric_logger.parse((Line(number, text) for number, text in enumerate(lines, 1)), Columns()))


def outcome(lines: Iterable[str]) -> list[int | str | None]:
    """Return the step of each row and the reason of each refusal."""
    return [item.step if isinstance(item, Row) else item.reason for item in parse(lines)]


def test_a_line_has_a_step_medians_and_running_means() -> None:
    [row] = parse([LINE])
    assert isinstance(row, Row)
    assert (row.step, row.epoch, row.epoch_index, row.step_seconds) == (2560, 1, 560, 2.7189)
    assert row.values == {"nll": 0.5065, "rec": 0.031, "total": 0.5123, "learning_rate": 0.000028}
    assert row.means["nll"] == RunningMean(0.2875, 0.5 * 10.0**-4)
    assert row.means.keys() == {"nll", "rec", "total"}


@given(
    epoch=st.integers(0, 999),
    index=st.integers(0, 1999),
    nll=st.floats(0, 1e6) | st.sampled_from([math.nan, math.inf]),
    mean=st.floats(0, 1e6) | st.sampled_from([math.nan, math.inf]),
    kl=st.floats(0, 1e9),
)
def test_what_a_logger_prints_is_read_back(epoch: int, index: int, nll: float, mean: float, kl: float) -> None:
    losses = f"nll_loss: {nll:.4f} ({mean:.4f})  kl_loss: {kl:.4f} ({kl:.4f})"
    text = f"Epoch: [{epoch}]  [{index:>4}/2000]  eta: 0:01:02  {losses}"
    [row] = parse([text])
    assert isinstance(row, Row)
    assert row.step == epoch * 2000 + index
    assert repr(row.values["nll"]) == repr(float(f"{nll:.4f}"))
    assert repr(row.means["nll"].value) == repr(float(f"{mean:.4f}"))
    assert row.values["kl"] == float(f"{kl:.4f}")


@given(width=st.integers(60, 240))
def test_lines_wrapped_at_any_width_are_joined(width: int) -> None:
    broken = [text[at : at + width] for text in WHOLE for at in range(0, len(text), width)]
    rows = [item for item in parse(broken) if isinstance(item, Row)]
    whole = parse(WHOLE)
    found = {row.step: row.values for row in rows}
    # A part without a number is taken for a comment. The row then lacks its end and is refused, not misread.
    assert all(row.values == found[row.step] for row in whole if isinstance(row, Row) and row.step in found)
    assert len(found) >= len(whole) - 1 or width > 200


@pytest.mark.parametrize("cut", range(40, 260, 20))
def test_a_cut_line_is_refused(cut: int) -> None:
    lines = [*WHOLE[:5], WHOLE[5][:-cut]]
    assert outcome(lines) == [0, 40, 80, 120, 160, CUT_SHORT]


@pytest.mark.parametrize("at", range(60, 260, 25))
def test_of_two_spliced_lines_the_second_is_read(at: int) -> None:
    lines = [*WHOLE[:4], WHOLE[4][:at] + WHOLE[5], WHOLE[6]]
    assert outcome(lines) == [0, 40, 80, 120, CUT_SHORT, 200, 240]


def test_a_line_without_its_beginning_is_refused() -> None:
    assert outcome([WHOLE[0][40:], *WHOLE[1:3]]) == [NO_STEP, 40, 80]


def test_a_step_beyond_the_end_of_its_epoch_is_refused() -> None:
    assert outcome([LINE, LINE.replace(" 560/2000", "9560/2000")]) == [2560, BAD_STEP]


def test_comments_and_validation_lines_are_ignored() -> None:
    lines = [
        "# kl 1e-4: looks bad?",
        LINE,
        "",
        "Test:  [ 0/50]  eta: 0:00:10  nll_loss: 0.2 (0.2)",
        "saved [3/4] files",
    ]
    assert outcome(lines) == [2560]


def test_numbers_of_any_size_have_a_rounding_error() -> None:
    text = "Epoch: [0]  [1/9]  nll_loss: 1e400 (1e400)  rec_loss: 2.5e-03 (2.5e-03)  kl_loss: 1e-999 (1e-999)"
    [row] = parse([text])
    assert isinstance(row, Row)
    assert [mean.half_digit for mean in row.means.values()] == [math.inf, 0.00005, 0.0]


def test_columns_that_are_added_later_are_read() -> None:
    later = [text.replace("time:", "g_loss: 0.1 (0.1)  time:") for text in WHOLE[3:9]]
    assert outcome([*WHOLE[:3], *later]) == [40 * number for number in range(9)]


def test_a_row_with_more_columns_than_the_others_is_read() -> None:
    more = WHOLE[3].replace("time:", "probe_loss: 0.1 (0.1)  time:")
    assert outcome([*WHOLE[:3], more, *WHOLE[4:6]]) == [0, 40, 80, 120, 160, 200]


def test_a_row_that_repeats_a_column_is_refused() -> None:
    assert outcome([*WHOLE[:3], WHOLE[3].replace("time:", "nll_loss: 0.1 (0.1)  time:")])[3] == CUT_SHORT


def test_a_name_of_several_words_is_known_by_all_of_them() -> None:
    [row] = parse(["Epoch: [0]  [3/9]  Val NLL: 0.16 (0.16)  Train Recon Loss: 0.5 (0.5)  max mem: 3"])
    assert isinstance(row, Row)
    assert row.values == {"rec": 0.5}


def test_a_line_with_its_epoch_and_step_in_brackets_is_that_of_another_logger() -> None:
    assert metric_logger.looks(LINE)
    assert metric_logger.looks("Train:  [ 10/469]  nll: 0.5")
    assert not metric_logger.looks("Epoch[1/15], Step [10/469], Reconst Loss: 36.0")
    assert not metric_logger.looks("INFO Epoch [1/15] Batch [10/469] Reconst Loss: 36.0")


def test_rows_without_losses_are_no_rows() -> None:
    assert parse(["Epoch: [0]  [3/9]  lr: 0.1  my err: 0.5 (0.5)"]) == []


def test_the_summary_of_an_epoch_does_not_affect_its_last_row() -> None:
    summary = f"Averaged stats: {WHOLE[1].partition('eta: 1:06:21  ')[2].partition('  time')[0]}"
    assert outcome([*WHOLE[:2], summary, *WHOLE[2:4]]) == [0, 40, 80, 120]


def test_a_fragment_of_another_line_does_not_affect_the_row_before_it() -> None:
    assert outcome([*WHOLE[:3], WHOLE[1][60:], WHOLE[3]]) == [0, 40, 80, NO_STEP, 120]


def test_a_value_separated_from_its_mean_by_a_warning_is_refused() -> None:
    value, mean = WHOLE[3].split(" (0.2059)")
    assert outcome([*WHOLE[:3], f"{value}UserWarning: x (0.2059){mean}", *WHOLE[4:6]])[3] == CUT_SHORT
    assert outcome([*WHOLE[:3], f"{value} UserWarning: x (0.2059){mean}", *WHOLE[4:6]])[3] == CUT_SHORT


def test_complete_lines_without_line_endings_are_all_read() -> None:
    assert outcome(["".join(WHOLE[:4]), WHOLE[4]]) == [0, 40, 80, 120, 160]


@pytest.mark.parametrize(
    ("words", "component"),
    [
        ("Loss is nan, stopping training", "total"),
        ("The gan discriminator Loss is -inf, stopping training", "discriminator"),
    ],
    ids=["total", "discriminator"],
)
def test_the_message_of_a_trainer_that_stops_on_a_nonfinite_loss_is_one_row(words: str, component: str) -> None:
    *_, last = rows = parse([*WHOLE[:3], words, words])
    assert len(rows) == 4
    assert isinstance(last, Row)
    assert last.step == 81
    assert not math.isfinite(last.values[component])
