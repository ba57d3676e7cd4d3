"""Runs on a simulated clock, judged by the shipped rules at chosen times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from children import finished

from vae_exporter._process.settings import check_settings
from vae_exporter.judge.engine import rule_test
from vae_exporter.judge.simulation import SCRAPE_SECONDS, Scrapes, SimulatedRun
from vae_exporter.stack.files import stack_folder
from vae_exporter.stack.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from recorded_runs import Step


def scrape_run(run: str, steps: Iterable[Step], **settings: Any) -> Scrapes:  # noqa: ANN401 - of TrainingExporter
    """Observe *steps* at their recorded durations, and scrape every `SCRAPE_SECONDS`."""
    checked = check_settings(
        **{
            "run": run,
            "rank": 0,
            "loss_weights": None,
            "band_edges": None,
            "info": None,
            "outputs_url": None,
            "start_step": None,
            **settings,
        }
    )
    simulated = SimulatedRun(checked)
    scrapes = Scrapes(run)
    for step in steps:
        simulated.wait(step.seconds)
        simulated.observe(step.number, {**step.losses, "learning_rate": step.learning_rate})
        while simulated.seconds >= SCRAPE_SECONDS * len(scrapes):
            scrapes.scrapes.append(simulated.scrape(step.number))
    return scrapes


@dataclass(frozen=True)
class Expect:
    """The expected result of *query* at a time in seconds: values by sample labels, in promtool's notation."""

    query: str
    seconds: int
    samples: Mapping[str, float]


def check_rules(folder: Path, runs: Iterable[Scrapes], expected: Iterable[Expect]) -> None:
    """Judge *runs* by the shipped rules, and fail with promtool's output if a query returns something else."""
    rules = stack_folder() / "prometheus" / "rules"
    test = rule_test(
        sorted(rules.glob("*.yml")),
        runs,
        promql_expr_test=[
            {
                "expr": expect.query,
                "eval_time": f"{expect.seconds}s",
                "exp_samples": [{"labels": labels, "value": value} for labels, value in expect.samples.items()],
            }
            for expect in expected
        ],
    )
    file = folder / "test.yml"
    file.write_text(yaml.safe_dump(test, width=10**9))
    done = finished([find_program("promtool"), "test", "rules", file], seconds=300)
    assert done.returncode == 0, done.stdout + done.stderr
