"""Test the spreading of rows whose steps are printed rounded."""

from __future__ import annotations

import pytest

from vae_exporter.judge.logs.repair import rounded
from vae_exporter.judge.logs.repair.rounded import spread_rounded
from vae_exporter.judge.logs.rows import DUPLICATE, Refusal, Row


def row(step: int, *names: str, index: int | None = None) -> Row:
    return Row(1, "", step, dict.fromkeys(names or ("nll",), 0.5), epoch_index=index)


def steps(rows: list[Row | Refusal]) -> list[int | None]:
    return [item.step for item in spread_rounded(rows) if isinstance(item, Row)]


def test_rows_of_a_rounded_step_are_spread_up_to_the_next_one() -> None:
    assert steps([row(step) for step in (1000, 2000) for _ in range(10)]) == list(range(1000, 3000, 100))


def test_one_row_more_than_there_are_steps_shares_a_step() -> None:
    rows: list[Row | Refusal] = [row(step) for step in (100, 200) for _ in range(100 + (step == 100))]
    assert len(set(steps(rows))) == 200


@pytest.mark.parametrize(
    "rows",
    [
        [row(step) for step in (1, 1, 1, 2, 2, 2, 3)],
        [row(step) for step in (100, 100, 200, 200)],
        [row(7) for _ in range(20)],
        [row(step, index=0) for step in (100, 100, 100, 200)],
        [row(step, name) for step in (100, 200) for name in ("nll", "rec", "kl")],
    ],
    ids=["no room", "two rows", "one step", "MetricLogger", "one row in three lines"],
)
def test_other_rows_with_one_step_stay(rows: list[Row | Refusal]) -> None:
    assert steps(rows) == [item.step for item in rows if isinstance(item, Row)]


def test_lines_that_make_up_a_row_stay_together() -> None:
    rows: list[Row | Refusal] = [row(step, name) for step in (0, 300) for _ in range(3) for name in ("nll", "rec")]
    assert steps(rows) == [0, 0, 100, 100, 200, 200, 300, 300, 400, 400, 500, 500]


def test_refusals_keep_their_place() -> None:
    refusal = Refusal(3, DUPLICATE, "")
    rows: list[Row | Refusal] = [row(0), row(0), refusal, row(0), row(300)]
    assert list(spread_rounded(rows))[2] is refusal


def test_memory_does_not_grow_with_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounded, "MOST", 5)
    assert steps([row(step) for step in (0, 1000) for _ in range(6)]) == [0] * 6 + [1000] * 6
