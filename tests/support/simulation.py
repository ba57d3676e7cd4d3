"""Runs on the simulated clock, at their own pace, and what the shipped rules say of each of them at each scrape."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from children import finished

from vae_exporter._process.settings import check_settings
from vae_exporter.judge.engine import read_moments, rule_test
from vae_exporter.judge.simulation import SCRAPE_SECONDS, Scrapes, SimulatedRun
from vae_exporter.stack.files import stack_folder
from vae_exporter.stack.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from recorded_runs import Step

    from vae_exporter.judge.engine import Moment


DEADLINE_SECONDS = 540.0
"""For half a minute of work on a machine that does nothing else."""


def scrape_run(run: str, steps: Iterable[Step], **settings: Any) -> Scrapes:  # noqa: ANN401 - of TrainingExporter
    """Train *steps* as long as each of them takes, scraped every `SCRAPE_SECONDS`."""
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


_ASKED = "ALERTS", "run:vae_verdict", "run:vae_nll_rise_cause", "run:vae_nll_diverged:bool"


@dataclass(frozen=True)
class JudgedRun:
    """A run, and the samples of `_ASKED` about it at each of its scrapes."""

    scrapes: Scrapes
    moments: Sequence[Mapping[str, Sequence[tuple[Mapping[str, str], float]]]]

    def samples(self, name: str, *, step: int | None = None) -> list[tuple[Mapping[str, str], float]]:
        """Return the samples of the series *name* at the first scrape at *step*, or at the last scrape."""
        index = -1 if step is None else self.scrapes.seconds_at(step) // SCRAPE_SECONDS
        return list(self.moments[index].get(name, ()))

    def verdict(self, *, step: int | None = None) -> tuple[str, str]:
        """Return the one verdict at *step*, or at the end, and its reason."""
        [(labels, value)] = self.samples("run:vae_verdict", step=step)
        assert value == 1
        return labels["verdict"], labels["reason"]

    def fires(self, alert: str, *, step: int | None = None) -> bool:
        """Return whether *alert* fires at *step*, or at the end."""
        labels = {"alertname": alert, "alertstate": "firing"}
        return any(labels.items() <= found.items() for found, _ in self.samples("ALERTS", step=step))

    def ever_rang(self, alert: str) -> bool:
        """Return whether *alert* was pending or firing at any scrape."""
        return any(found["alertname"] == alert for moment in self.moments for found, _ in moment.get("ALERTS", ()))

    def changes(self, name: str) -> int:
        """Return how often the value of the one series *name* changed."""
        values = [value for moment in self.moments for _, value in moment.get(name, ())]
        return sum(before != after for before, after in pairwise(values))


def judge(folder: Path, runs: Sequence[Scrapes]) -> dict[str, JudgedRun]:
    """Have the shipped rules judge all *runs* in one evaluation, and return each by its name."""
    count = max(map(len, runs))
    query = f'{{__name__=~"{"|".join(_ASKED)}"}}'
    test = rule_test(
        sorted((stack_folder() / "prometheus" / "rules").glob("*.yml")),
        runs,
        promql_expr_test=[
            {"expr": query, "eval_time": f"{SCRAPE_SECONDS * index}s", "exp_samples": []} for index in range(count)
        ],
    )
    file = folder / "test.yml"
    file.write_text(json.dumps(test))
    done = finished([find_program("promtool"), "test", "rules", file], seconds=DEADLINE_SECONDS)
    moments = read_moments(done.stdout + done.stderr, count)
    judged = [JudgedRun(run, [_about(run.run, moment) for moment in moments[: len(run)]]) for run in runs]
    assert all(run.samples("run:vae_verdict") for run in judged), done.stderr[-1000:]  # silence is no judgement
    return {run.scrapes.run: run for run in judged}


def _about(run: str, moment: Moment) -> dict[str, list[tuple[Mapping[str, str], float]]]:
    """Return the samples of *moment* that are about *run*."""
    return {
        name: [(labels, value) for labels, value in samples if labels.get("run") == run]
        for name, samples in moment.samples.items()
    }
