"""Test the parser for logged dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_exporter.judge.logs.columns import Columns
from vae_exporter.judge.logs.formats import dict_log
from vae_exporter.judge.logs.rows import BAD_NUMBER, CUT_SHORT, Line, Refusal, Row

if TYPE_CHECKING:
    from collections.abc import Iterable


def parse(lines: Iterable[str]) -> list[Row | Refusal]:
    return list(dict_log.parse((Line(number, text) for number, text in enumerate(lines, 1)), Columns()))


@given(
    nll=st.floats(allow_infinity=False),
    rec=st.floats(0, 1e9),
    device=st.sampled_from(["", ", device='cuda:0'", ", device='cuda:1', grad_fn=<MeanBackward0>"]),
    prefix=st.sampled_from(["", "INFO:root:", "2026-11-24 09:00:00,123 - train - INFO - "]),
)
def test_what_python_logs_is_read_back(nll: float, rec: float, device: str, prefix: str) -> None:
    text = f"{prefix}{{'train/nll_loss': tensor({nll}{device}), 'train/rec_loss': {rec}, 'train/d_weight': tensor(1.)}}"
    [row] = parse([text])
    assert isinstance(row, Row)
    assert row.step is None
    assert repr(row.values) == repr({"nll": nll, "rec": rec})


def test_a_tensor_can_span_lines() -> None:
    lines = ["{'train/nll_loss': tensor(0.5,", "       device='cuda:0'),", "  'train/rec_loss': tensor(0.1)}", "done"]
    [row] = parse(lines)
    assert isinstance(row, Row)
    assert (row.line, row.values) == (1, {"nll": 0.5, "rec": 0.1})


def test_numbers_may_be_quoted() -> None:
    [row] = parse(["{'loss': '0.7595', 'nll_loss': '0.5', 'grad_norm': '1.2', 'epoch': '0.02'}"])
    assert isinstance(row, Row)
    assert row.values == {"nll": 0.5, "total": 0.7595, "gradient_norm": 1.2, "epoch": 0.02}


def test_a_step_before_or_inside_the_dictionary_is_read() -> None:
    rows = parse(["step 70: {'nll_loss': tensor(0.5)}", "{'nll_loss': tensor(0.5), 'global_step': 80}"])
    assert [row.step for row in rows if isinstance(row, Row)] == [70, 80]


def test_values_of_a_nested_dictionary_are_prefixed_with_its_name() -> None:
    [row] = parse(["{'train': {'nll_loss': tensor(0.5), 'kl_loss': 3}, 'val': {'nll_loss': 0.7}, 'step': 7}"])
    assert isinstance(row, Row)
    assert (row.step, row.values) == (7, {"nll": 0.5, "kl": 3.0})


def test_an_unclosed_dictionary_is_refused_and_the_next_one_is_read() -> None:
    first, second = parse(["{'nll_loss': tensor(0.5), 'rec_lo", "{'nll_loss': tensor(0.25)}"])
    assert isinstance(first, Refusal)
    assert first.reason == CUT_SHORT
    assert isinstance(second, Row)
    assert second.values == {"nll": 0.25}


def test_of_two_spliced_dictionaries_the_second_is_read() -> None:
    first, second = parse(["{'nll_loss': tensor(0.5), 'rec_lo{'nll_loss': tensor(0.25)}"])
    assert isinstance(first, Refusal)
    assert isinstance(second, Row)
    assert second.values == {"nll": 0.25}


def test_a_dictionary_with_a_repeated_name_is_refused() -> None:
    [item] = parse(["{'nll_loss': tensor(0.5), 'rec_loss': tensor(0.1), 'nll_loss': tensor(0.25)}"])
    assert isinstance(item, Refusal)


def test_an_endless_dictionary_is_refused() -> None:
    items = parse(["{'nll_loss': tensor(0.5),", *["'x': 1,"] * 10_000, "{'nll_loss': tensor(0.25)}"])
    assert [type(item) for item in items] == [Refusal, Row]


@pytest.mark.parametrize("width", [33, 50, 71])
def test_lines_wrapped_inside_a_name_or_number_are_joined(width: int) -> None:
    text = "INFO:root:{'train/nll_loss': tensor(0.5065, device='cuda:0'), 'train/rec_loss': tensor(0.0312)}"
    [row] = parse([text[at : at + width] for at in range(0, len(text), width)])
    assert isinstance(row, Row)
    assert row.values == {"nll": 0.5065, "rec": 0.0312}


def test_a_loss_interrupted_by_a_warning_is_refused_but_none_is_ignored() -> None:
    refused, row = parse(
        [
            "{'nll_loss': tensor(0.5UserWarning: x",
            "065), 'rec_loss': tensor(0.25)}",
            "{'nll_loss': tensor(0.5065), 'rec_loss': None}",
        ]
    )
    assert isinstance(refused, Refusal)
    assert refused.reason == BAD_NUMBER
    assert isinstance(row, Row)
    assert row.values == {"nll": 0.5065}
