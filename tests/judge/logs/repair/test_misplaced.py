"""Test the refusal of rows that have the values of another step."""

from __future__ import annotations

from dataclasses import replace

import pytest
from recorded_runs import recorded_rows

from vae_exporter.judge.logs.repair.misplaced import refuse_misplaced
from vae_exporter.judge.logs.rows import BAD_STEP, DUPLICATE, Refusal, Row, RunningMean


def test_the_recorded_runs_have_no_misplaced_rows() -> None:
    for name in ("bad_run", "good_run"):
        rows = recorded_rows(name)
        assert list(refuse_misplaced(rows)) == rows


@pytest.mark.parametrize(("name", "at", "of"), [("bad_run", 9, 10), ("bad_run", 16, 13), ("good_run", 20, 19)])
def test_a_row_with_the_values_of_another_step_is_refused(name: str, at: int, of: int) -> None:
    rows = recorded_rows(name)
    spliced = replace(rows[at], values=rows[of].values, means=rows[of].means)
    found = list(refuse_misplaced([*rows[:at], spliced, *rows[at + 1 :]]))
    assert [(item.line, item.reason) for item in found if isinstance(item, Refusal)] == [(at + 1, BAD_STEP)]
    assert [item for item in found if not isinstance(item, Refusal)] == [*rows[:at], *rows[at + 1 :]]


def test_earlier_refusals_keep_their_positions() -> None:
    rows = recorded_rows("bad_run")
    refusal = Refusal(3, DUPLICATE, "")
    items: list[Row | Refusal] = [refusal, *rows[:3], refusal, *rows[3:], refusal]
    assert list(refuse_misplaced(items)) == items


def test_a_collapsing_kl_is_not_misplaced() -> None:
    rows = recorded_rows("bad_run")[:12]
    total = rows[8].means["kl"].value * ((rows[8].epoch_index or 0) + 1)
    collapsed = [
        replace(
            row,
            values={**row.values, "kl": 10.0},
            means={**row.means, "kl": RunningMean((total + 400 * count) / ((row.epoch_index or 0) + 1), 5e-5)},
        )
        for count, row in enumerate(rows[9:], 1)
    ]
    assert list(refuse_misplaced([*rows[:9], *collapsed])) == [*rows[:9], *collapsed]
