"""Test the parser for text with labelled numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vae_exporter.judge.logs.columns import Columns
from vae_exporter.judge.logs.formats import labelled_text
from vae_exporter.judge.logs.rows import Line, Refusal, Row, RunningMean

if TYPE_CHECKING:
    from collections.abc import Iterable


def parse(lines: Iterable[str], **given: str) -> list[Row | Refusal]:
    return list(labelled_text.parse((Line(number, text) for number, text in enumerate(lines, 1)), Columns(given)))


def found(lines: Iterable[str]) -> list[tuple[int | None, dict[str, float]]]:
    return [(row.step, {**row.values}) for row in parse(lines) if isinstance(row, Row) and row.values]


def validated(lines: Iterable[str]) -> list[dict[str, float]]:
    return [{**row.validation} for row in parse(lines) if isinstance(row, Row) and row.validation]


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("step 100: nll 0.5", 100),
        ("Global Step: 100 | nll 0.5", 100),
        ("finished step 100, nll: 0.5", 100),
        ("finished iteration #100, nll: 0.5", 100),
        ("Step [100/500], nll: 0.5", 100),
        ("step 2.5k, nll: 0.5", 2500),
        ("done with step 2,500, nll: 0.5", 2500),
        ("100 nll: 0.5", None),
        ("Steps:   5%|5    | 100/2000 [03:20<1:06:21,  2.03s/it, nll=0.5]", 100),
        ("Epoch 2, Batch 10/50, nll: 0.5", 60),
        ("Train Epoch: 3 [  640/1000 (64%)]\tnll: 0.5", 2640),
        ("Epoch [0/9], Step [10/50], nll: 0.5", 10),
        ("Epoch 3: nll=0.5", None),
        ("Train: 2 [ 100/2000 (  5%)]  NLL: 0.5 (0.4)  Time: 0.524s (0.600s)", 100),
        ("INFO Train: [0/10][100/2000]\teta 0:10:00 lr 0.00001\tnll 0.5 (0.4)", 100),
        ("[rank0]:[2026-11-24 10:00:00,000] INFO: 100/2000: nll=0.5", 100),
        ("2026/11/24 10:00:00 - train - nll: 0.5", None),
    ],
    ids=str,
)
def test_the_step_of_a_line_is_found(text: str, step: int | None) -> None:
    [(found_step, values)] = found([text])
    values.pop("epoch", None)
    values.pop("learning_rate", None)
    assert found_step == step
    assert values == {"nll": 0.5}


def test_a_line_may_print_its_step_under_two_names() -> None:
    assert found(["Epoch 0: 3%|3 | 40/2000 [01:30<45:00, nll=0.5, step=40, global_step=2040]"]) == [
        (2040, {"nll": 0.5, "epoch": 0})
    ]


@pytest.mark.parametrize("mean", ["(0.250)", "( 0.250)", "(avg: 0.250)"])
def test_a_mean_behind_a_value_is_read_with_its_rounding(mean: str) -> None:
    [row] = parse([f"step: 40  nll: 0.5 {mean}  lr: 0.1 (0.1)  kl: 3"])
    assert isinstance(row, Row)
    assert row.values == {"nll": 0.5, "learning_rate": 0.1, "kl": 3}
    assert row.means == {"nll": RunningMean(0.25, 0.0005)}


def test_a_line_that_shows_an_epoch_and_no_step_is_a_row_with_an_epoch() -> None:
    rows = parse(["epoch=1/100 train_loss=0.49 nll=0.3", "epoch=2/100 train_loss=0.48 nll=0.2"])
    assert [(row.step, row.epoch, row.values["nll"]) for row in rows if isinstance(row, Row)] == [
        (None, 1, 0.3),
        (None, 2, 0.2),
    ]


def test_the_epoch_may_be_printed_in_the_line_before() -> None:
    rows = parse(["Epoch 1/2", "469/469 - 12s - nll: 0.3 - val_nll: 0.4", "Epoch 2/2", "469/469 - 12s - nll: 0.2"])
    assert [(row.epoch, row.values["nll"]) for row in rows if isinstance(row, Row)] == [(1, 0.3), (2, 0.2)]


def test_a_progress_bar_that_is_drawn_again_is_one_row() -> None:
    bar = "Epoch 0:  12%|#2   | 12/100 [00:30<03:40,  4.00it/s, nll=0.31]"
    assert found([bar, bar.replace("3:40", "3:41"), bar.replace("12/", "13/")]) == [
        (12, {"nll": 0.31, "epoch": 0.0}),
        (13, {"nll": 0.31, "epoch": 0.0}),
    ]


def test_a_progress_bar_that_starts_again_begins_the_next_epoch() -> None:
    bars = [f"{index}%|#  | {index}/100 [00:30<03:40,  4.00it/s, nll=0.{index}]" for index in (50, 99, 10, 60, 20)]
    assert [step for step, _ in found(bars)] == [50, 99, 110, 160, 120]


def test_the_values_of_a_block_are_one_row_and_those_of_a_validation_are_left_out() -> None:
    lines = ["== Step 7 ==", "TRAINING", " NLL:  0.5", " KL:  3", "VALIDATION", " NLL:  0.9", " Recon Loss:  0.9"]
    assert found([*lines, *(line.replace("7", "8") for line in lines)]) == [
        (7, {"nll": 0.5, "kl": 3.0}),
        (8, {"nll": 0.5, "kl": 3.0}),
    ]


def test_a_validation_without_a_heading_for_the_training_ends_where_the_next_step_begins() -> None:
    lines = ["step 1 nll 0.5", "Validation:", "nll 0.9", "step 2 nll 0.4"]
    assert found(lines) == [(1, {"nll": 0.5}), (2, {"nll": 0.4})]


def test_a_line_that_announces_the_training_does_not_make_the_next_validation_endless() -> None:
    lines = ["Training:", "step 1 nll 0.5", "Validation:", "step 1 nll 0.9", "step 2 nll 0.4", "step 3 nll 0.3"]
    assert found(lines) == [(1, {"nll": 0.5}), (2, {"nll": 0.4}), (3, {"nll": 0.3})]


def test_a_block_may_begin_with_a_step_of_its_own() -> None:
    lines = [
        "TRAINING",
        "step: 10",
        "nll: 0.5",
        "VALIDATION",
        "step: 15",
        "nll: 0.9",
        "TRAINING",
        "step: 20",
        "nll: 0.4",
    ]
    assert found(lines) == [(10, {"nll": 0.5}), (20, {"nll": 0.4})]
    assert validated(lines) == [{"nll": 0.9}]


def test_a_validation_loss_is_never_taken_for_that_of_the_training() -> None:
    lines = [
        "step 1 Val NLL: 0.17",
        "step 2 | Train NLL: 0.5 | Val NLL: 0.16, Rec: 0.1",
        "step 3 Val NLL: 0.1, NLL: 0.4",
    ]
    assert found(lines) == [(2, {"nll": 0.5}), (3, {"nll": 0.4})]
    assert validated(lines) == [{"nll": 0.17}, {"nll": 0.16, "rec": 0.1}, {"nll": 0.1}]


def test_a_negative_step_is_no_step() -> None:
    assert found(["step: -5, nll: 0.5"]) == [(None, {"nll": 0.5})]


def test_lines_of_a_metric_logger_and_text_without_losses_do_not_look_labelled() -> None:
    columns = Columns({"rec": "my err"})
    assert labelled_text.looks("step 3, My err: 0.1", columns)
    assert labelled_text.looks("step 3, Val NLL: 0.1", columns)
    assert labelled_text.looks("step: 3  rec_loss: 0.0310 (0.0200)", columns)
    assert not labelled_text.looks("rec_loss: 0.0310 (0.0200)  time: 2.7189", columns)
    assert not labelled_text.looks("lr: 0.1, batch_size: 4", columns)
