"""Test how `judge` reads the example logs in tests/data/logs, one of each format."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from recorded_runs import DATA, metric_logger_lines

from vae_exporter.errors import LogError
from vae_exporter.judge.logs.columns import Columns
from vae_exporter.judge.logs.logged_run import LogOptions, read_runs

if TYPE_CHECKING:
    from pathlib import Path

LOGS = DATA / "logs"

Found = list[tuple[int, dict[str, float]]]


def read(path: Path, options: LogOptions | None = None) -> tuple[str, Found, dict[str, int]]:
    """Return the format of the only run in *path*, its losses by step, and its refusals."""
    [(name, found, refused)] = [
        (
            run.format,
            [(stretch.last, dict(stretch.values)) for stretch in run.stretches if stretch.values],
            dict(run.refused),
        )
        for run in read_runs(path, options or LogOptions())
    ]
    return name, found, refused


@pytest.mark.parametrize(
    ("name", "log_format", "rows", "first", "last"),
    [
        (
            "accelerate.log",
            "labelled values",
            12,
            (40, {"nll": 0.1247, "rec": 0.0086, "perception": 0.0356, "learning_rate": 2e-6}),
            (480, {"nll": 0.1632, "rec": 0.0105, "perception": 0.0645, "learning_rate": 2.4e-5}),
        ),
        (
            "tqdm.log",
            "labelled values",
            12,
            (0, {"nll": 0.1247, "kl": 15650.8, "epoch": 0}),
            (200, {"nll": 0.1632, "kl": 1012.6, "epoch": 1}),
        ),
        (
            "epochs.log",
            "labelled values",
            24,
            (0, {"nll": 0.1247, "total": 1.6859, "epoch": 1}),
            (23, {"nll": 0.1358, "total": 0.2, "epoch": 24}),
        ),
        (
            "step_colon.log",
            "labelled values",
            24,
            (40, {"nll": 0.1247, "rec": 0.0086, "perception": 0.0356, "kl": 15650.8}),
            (1080, {"nll": 0.1358, "rec": 0.0081, "perception": 0.0503, "kl": 729.4}),
        ),
        (
            "step_spaces.log",
            "labelled values",
            24,
            (40, {"nll": 0.1247, "rec": 0.0086, "perception": 0.0356, "kl": 15651, "total": 1.686}),
            (1080, {"nll": 0.1358, "rec": 0.0081, "perception": 0.0503, "kl": 729, "total": 0.2}),
        ),
        (
            "two_splits.log",
            "labelled values",
            24,
            (40, {"nll": 0.16, "rec": 0.0086}),
            (1080, {"nll": 0.58, "rec": 0.0081}),
        ),
        (
            "blocks.log",
            "labelled values",
            8,
            (40, {"nll": 0.1247, "rec": 0.0086, "perception": 0.0356, "kl": 15650.8}),
            (320, {"nll": 0.2032, "rec": 0.0136, "perception": 0.0728, "kl": 1263.5}),
        ),
        (
            "pretty.json",
            "JSON",
            12,
            (40, {"nll": 0.1247, "rec": 0.0086, "perception": 0.0356}),
            (480, {"nll": 0.1632, "rec": 0.0105, "perception": 0.0645}),
        ),
        (
            "trainer_state.json",
            "JSON",
            12,
            (
                40,
                {
                    "nll": 0.1247,
                    "rec": 0.0086,
                    "total": 1.6859,
                    "epoch": 0.02,
                    "learning_rate": 2e-6,
                    "gradient_norm": 4.87,
                },
            ),
            (
                480,
                {
                    "nll": 0.1632,
                    "rec": 0.0105,
                    "total": 0.287,
                    "epoch": 0.24,
                    "learning_rate": 2.4e-5,
                    "gradient_norm": 4.87,
                },
            ),
        ),
        (
            "nested.jsonl",
            "JSON Lines",
            24,
            (40, {"nll": 0.1247, "rec": 0.0086, "perception": 0.0356, "kl": 15650.8027}),
            (1080, {"nll": 0.1358, "rec": 0.0081, "perception": 0.0503, "kl": 729.4191}),
        ),
        ("wandb.csv", "CSV", 24, (40, {"nll": 0.1247, "rec": 0.0086}), (1080, {"nll": 0.1358, "rec": 0.0081})),
        (
            "rounded.log",
            "labelled values",
            30,
            (1000, {"nll": 0.1247, "rec": 0.0086}),
            (3900, {"nll": 0.1756, "rec": 0.0106}),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_rows_of_each_format_are_found(
    name: str, log_format: str, rows: int, first: tuple[int, dict[str, float]], last: tuple[int, dict[str, float]]
) -> None:
    found_format, found, refused = read(LOGS / name)
    assert (found_format, len(found), refused) == (log_format, rows, {})
    assert (found[0], found[-1]) == (first, last)
    steps = [step for step, _ in found]
    assert steps == sorted(steps)


@pytest.mark.parametrize("name", ["bad_run", "good_run"])
def test_a_table_with_running_means_gives_the_losses_of_its_log(name: str, tmp_path: Path) -> None:
    log = tmp_path / f"{name}.log"
    log.write_text("\n".join(metric_logger_lines(name)))

    def losses(path: Path) -> list[tuple[int, int, dict[str, float]]]:
        [run] = read_runs(path, LogOptions())
        return [
            (one.first, one.last, {value: one.values[value] for value in ("nll", "rec", "perception", "kl", "total")})
            for one in run.stretches
        ]

    assert losses(DATA / f"{name}.csv") == losses(log)


@pytest.mark.parametrize(
    "evaluation",
    ['{"val/nll": 0.3}', '{"step": 1, "val/nll": 0.3}', '{"epoch": 1, "val/rec": 0.02, "val/perception": 0.1}'],
    ids=["no step", "the step of the validation", "only parts"],
)
def test_an_evaluation_belongs_to_the_last_training_step_before_it(tmp_path: Path, evaluation: str) -> None:
    rows = [f'{{"step": {step}, "rec": 0.01, "perception": 0.1}}' for step in (10, 20, 30)]
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join([*rows[:2], evaluation, rows[2]]))
    [run] = read_runs(log, LogOptions(weights={"rec": 10, "perception": 1}))
    [stretch] = [stretch for stretch in run.stretches if stretch.validation]
    assert stretch.last == 20
    assert stretch.validation["nll"] == pytest.approx(0.3)
    assert (run.steps_read, run.refused) == (3, {})


def test_the_same_evaluation_again_is_no_duplicate(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join(f'{{"step": {step}, "nll": 0.{step}}}\n{{"val_nll": 0.3}}' for step in (10, 20, 30)))
    [run] = read_runs(log, LogOptions())
    assert [stretch.last for stretch in run.stretches if stretch.validation] == [10, 20, 30]
    assert run.refused == {}


def test_the_error_for_a_log_of_unknown_names_lists_its_columns_and_the_option_to_try() -> None:
    with pytest.raises(LogError) as raised:
        read(LOGS / "unknown.log")
    assert "in the columns 'iter', 'Weighted Objective', 'px_err'\n" in str(raised.value)
    assert "try --map 'nll=Weighted Objective'\n" in str(raised.value)
    _, found, _ = read(LOGS / "unknown.log", LogOptions(Columns({"nll": "Weighted Objective", "rec": "px_err"})))
    assert (found[0], len(found)) == ((40, {"nll": 0.1247, "rec": 0.0086}), 24)


@pytest.mark.parametrize(
    ("text", "listed", "option"),
    [
        ("step,My Err,note\n1,0.5,x\n2,0.4,x\n", "'step', 'My Err'\n", "--map 'nll=My Err'"),
        ("Epoch: [0]  [1/9]  my err: 0.5 (0.5)  lr: 0.1\n" * 3, "'my err', 'lr'\n", "--map 'nll=my err'"),
        ('{"step": 1, "note": "x", "a": {"my err": 0.5}}\n', "'step', 'a/my err'\n", "--map 'nll=a/my err'"),
        ("{'my err': tensor(0.5), 'note': 'x'}\n", "'my err'\n", "--map 'nll=my err'"),
        ("Step,a - nll,b - nll\n1,0.5,0.5\n", "'Step', 'a - nll', 'b - nll'\n", "--map 'nll=a - nll'"),
        ("step,loss\n1,0.5\n", "'step', 'loss'\n", "--map nll=loss"),
        ("My Err,sample,note\n0.5,1,x\n0.4,2,x\n", "'My Err', 'sample'\n", "--map 'nll=My Err'"),
        ("step 1, kl: 3, l1: 0.1, My Err: 0.5\n" * 2, "'step', 'kl', 'l1', 'My Err'\n", "--map 'nll=My Err'"),
    ],
    ids=["CSV", "MetricLogger", "JSON Lines", "dictionaries", "two runs of W&B", "total", "no known name", "parts"],
)
def test_every_column_is_listed_and_can_be_mapped(tmp_path: Path, text: str, listed: str, option: str) -> None:
    path = tmp_path / "x.log"
    path.write_text(text)
    with pytest.raises(LogError) as raised:
        read(path)
    assert f"It has numbers in the columns {listed}" in str(raised.value)
    assert f"try {option}" in str(raised.value)
    column = option.removeprefix("--map ").strip("'").removeprefix("nll=")
    _, found, _ = read(path, LogOptions(Columns({"nll": column})))
    assert {values["nll"] for _, values in found} <= {0.5, 0.4}
    assert found


def test_the_columns_of_another_log_are_not_listed(tmp_path: Path) -> None:
    options = LogOptions()
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("step,loss\n1,0.5\n")
    second.write_text("step,kl\n1,0.5\n")
    for path in (first, second):
        with pytest.raises(LogError) as raised:
            read(path, options)
    assert "in the columns 'step', 'kl'" in str(raised.value)
    assert "--map" not in str(raised.value)


def test_an_absent_nll_is_computed_from_its_weighted_parts(tmp_path: Path) -> None:
    path = tmp_path / "parts.csv"
    path.write_text("step,recon,lpips\n1,0.25,0.5\n2,0.5,\n")
    with pytest.raises(LogError, match="try --weights rec=10,perception=1"):
        read(path)
    _, found, _ = read(path, LogOptions(weights={"rec": 10, "perception": 1}))
    assert found == [(1, {"rec": 0.25, "perception": 0.5, "nll": 3.0}), (2, {"rec": 0.5})]


def test_the_hint_names_only_the_parts_that_the_log_has(tmp_path: Path) -> None:
    path = tmp_path / "parts.csv"
    path.write_text("step,recon,kl\n1,0.25,12\n2,0.5,12\n")
    with pytest.raises(LogError, match=r"try --weights rec=10$"):
        read(path)
    _, found, _ = read(path, LogOptions(weights={"rec": 10}))
    assert [values["nll"] for _, values in found] == [2.5, 5.0]


def test_an_nll_that_is_computed_has_a_running_mean_if_its_parts_have(tmp_path: Path) -> None:
    path = tmp_path / "parts.log"
    path.write_text("Epoch: [0]  [3/9]  recon: 0.1000 (0.2000)  lpips: 0.5000 (0.6000)\n")
    _, found, _ = read(path, LogOptions(weights={"rec": 10, "perception": 1}))
    [(step, values)] = found
    assert step == 3
    assert math.isclose(values["nll"], 2.6)
