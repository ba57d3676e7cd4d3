"""Trains simulated runs with the real exporter, and judges many of them in one evaluation of the shipped rules."""

from __future__ import annotations

import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vae_exporter._process.settings import check_settings
from vae_exporter.judge import engine
from vae_exporter.judge.simulation import SCRAPE_SECONDS, Scrape, Scrapes, SimulatedRun
from vae_exporter.stack.promql import promql_string

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulations.families import Family
    from simulations.noise import Noise

SCRAPES = 150
"""Scrapes of a run."""

BATCH = 60
"""Runs that promtool judges at once: more make its input too large."""

WEIGHTS = {"rec": 10, "perception": 1, "kl": 1e-6}


@dataclass(frozen=True)
class Case:
    """One run of a family."""

    family: Family
    noise: Noise
    seed: int

    @property
    def run(self) -> str:
        """The name of the run."""
        return f"{self.family.name}/{self.noise}/{self.seed}"


@dataclass(frozen=True)
class Outcome:
    """What the rules said of a run.

    Args:
        case: The run.
        alerts: The step at which each alert fired first, by name.
        pages: How many times VaeNllDiverged began to fire.
        causes: The causes that its page named.
        verdict: The last verdict.
    """

    case: Case
    alerts: dict[str, int] = field(default_factory=dict)
    pages: int = 0
    causes: frozenset[str] = frozenset()
    verdict: str = ""

    @property
    def page(self) -> int | None:
        """The step at which the alert of the family fired first; None if it never did."""
        return self.alerts.get(self.case.family.alert)

    @property
    def delay(self) -> int | None:
        """The number of steps from the damage to the page."""
        return None if self.page is None or self.is_false_page else self.page - self.case.family.onset

    @property
    def is_false_page(self) -> bool:
        """Whether the alert fired before anything was wrong."""
        return self.page is not None and (not self.case.family.is_damaged or self.page < self.case.family.onset)


def cases(families: Sequence[Family], runs: int) -> list[Case]:
    """Return *runs* cases of each family, its noises in turn."""
    return [Case(family, family.noises[seed % len(family.noises)], seed) for family in families for seed in range(runs)]


def judge(given: Sequence[Case]) -> list[Outcome]:
    """Return the outcome of each case."""
    batches = [given[first : first + BATCH] for first in range(0, len(given), BATCH)]
    with ProcessPoolExecutor() as pool:
        return [outcome for batch in pool.map(partial(_judge, read=_read_series()), batches) for outcome in batch]


def _judge(batch: Sequence[Case], read: frozenset[str]) -> list[Outcome]:
    trained = [_train(case, read) for case in batch]
    end = SCRAPE_SECONDS * (SCRAPES - 1)
    whole = f"[{end + SCRAPE_SECONDS}s:{SCRAPE_SECONDS}s]"
    test = engine.rule_test(
        engine.rule_files(),
        trained,
        promql_expr_test=[
            {"expr": f'label_replace({query}, "__name__", "{name}", "", "")', "eval_time": f"{end}s", "exp_samples": []}
            for scrapes in trained
            for name, query in _queries(f"run={promql_string(scrapes.run)}", whole).items()
        ],
    )
    output = engine.run_promtool(test)
    failed = re.search(r"err: .*", output)
    if failed:
        raise AssertionError(failed[0])
    last = engine.read_moments(output, SCRAPES)[-1].samples
    return [_outcome(case, scrapes, last) for case, scrapes in zip(batch, trained, strict=True)]


def _queries(of_run: str, whole: str) -> dict[str, str]:
    """Return the queries about one run, by name. promtool refuses a query that reads more than 10,000 samples."""
    diverged = f"run:vae_nll_diverged:bool{{{of_run}}}"
    changes = f"run_change:vae_nll_rise:distance_steps{{{of_run}}}"
    return {
        "first_alert": f'min_over_time(timestamp(ALERTS{{{of_run},alertstate="firing"}}){whole})',
        "page_starts": f"sum_over_time(({diverged} > ({diverged} offset {SCRAPE_SECONDS}s)){whole})",
        "cause": f"count_over_time((run:vae_nll_rise_cause{{{of_run}}} and on (run) {diverged} == 1){whole})",
        "change": f"count_over_time(({changes} and on (run) {diverged} == 1){whole})",
        "verdict": f"run:vae_verdict{{{of_run}}}",
    }


def _train(case: Case, read: frozenset[str]) -> Scrapes:
    settings = check_settings(
        run=case.run[:200],
        rank=0,
        loss_weights=WEIGHTS,
        band_edges=None,
        info=None,
        outputs_url=None,
        start_step=None,
        **case.family.settings,
    )
    run = SimulatedRun(settings)
    apart = case.family.steps / SCRAPES
    scrapes = Scrapes(settings.run)
    seconds = SCRAPE_SECONDS / apart * case.family.every
    for step, values in case.family.train(np.random.default_rng(case.seed), case.noise):
        run.wait(seconds)
        group = values.pop("group", None)
        validation = values.pop("validation", None)
        run.observe(
            step,
            values,
            group="" if group is None else f"bucket {group}",
            mean_over=case.family.every if case.family.is_averaged else 1,
        )
        if validation is not None:
            run.evaluate(step, {"nll": validation})
        if len(scrapes) < SCRAPES and step >= apart * len(scrapes):
            scrapes.scrapes.append(_only(run.scrape(step), read))
    return scrapes


def _only(scrape: Scrape, read: frozenset[str]) -> Scrape:
    """Return *scrape* with the series that the rules read, and no others."""
    return Scrape(
        scrape.step, {name: value for name, value in scrape.samples.items() if name.partition("{")[0] in read}
    )


def _read_series() -> frozenset[str]:
    return frozenset(re.findall(r"(?<![:\w])vae_\w+", "".join(map(Path.read_text, engine.rule_files()))))


def _outcome(case: Case, scrapes: Scrapes, samples: engine.Samples) -> Outcome:
    def found(name: str) -> list[tuple[dict[str, str], float]]:
        return [(dict(labels), value) for labels, value in samples.get(name, ()) if labels.get("run") == scrapes.run]

    return Outcome(
        case,
        alerts={
            labels["alertname"]: scrapes.steps[min(round(value / SCRAPE_SECONDS), len(scrapes) - 1)]
            for labels, value in found("first_alert")
        },
        pages=round(sum(value for _, value in found("page_starts"))),
        causes=frozenset(
            [labels["cause"] for labels, _ in found("cause")] + [labels["change"] for labels, _ in found("change")]
        ),
        verdict=" ".join(f"{labels['verdict']} ({labels['reason']})" for labels, _ in found("verdict")),
    )
