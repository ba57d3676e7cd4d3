"""Trains simulated runs with the real exporter, and judges many of them in one evaluation of the shipped rules."""

from __future__ import annotations

import math
import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vae_exporter._process.settings import check_settings
from vae_exporter.judge import engine
from vae_exporter.judge.simulation import SCRAPE_SECONDS, Scrape, Scrapes, SimulatedRun
from vae_exporter.stack.promql import promql_string

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from simulations.family import Family, Report
    from simulations.noise import Noise
    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.baseline import Baseline

BATCH = 60 * 150
"""Scrapes that promtool judges at once: more make its input too large."""

_BEFORE = 1_000_000
"""Added to the seed of a run, it is that of the run before."""

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
        """The step of the first page; None without one."""
        return self.alerts.get("VaeNllDiverged")

    @property
    def is_missed(self) -> bool:
        """Whether the alert that the damage must raise never fired."""
        return self.case.family.is_damaged and self.case.family.alert not in self.alerts

    @property
    def delay(self) -> int | None:
        """The number of steps from the damage to its alert."""
        family = self.case.family
        fired = self.alerts.get(family.alert)
        return None if fired is None or self.is_false_page or not family.is_damaged else fired - family.onset

    @property
    def is_false_page(self) -> bool:
        """Whether it paged, or the alert of its family fired, before anything was wrong."""
        family = self.case.family
        return any(
            self.alerts.get(alert, math.inf)
            < (family.onset if family.is_damaged and family.alert == alert else math.inf)
            for alert in ("VaeNllDiverged", family.alert)
        )


def cases(families: Sequence[Family], runs: int) -> list[Case]:
    """Return *runs* cases of each family, its noises in turn."""
    return [Case(family, family.noises[seed % len(family.noises)], seed) for family in families for seed in range(runs)]


def judge(given: Sequence[Case]) -> list[Outcome]:
    """Return the outcome of each case."""
    with ProcessPoolExecutor() as pool:
        judged = pool.map(partial(_judge, read=_read_series()), _batches(given))
        return [outcome for batch in judged for outcome in batch]


def _batches(given: Sequence[Case]) -> Iterator[Sequence[Case]]:
    """Yield the cases in batches of runs with the same number of scrapes."""
    for scrapes, same in groupby(given, key=lambda case: case.family.scrapes):
        together = list(same)
        size = max(1, BATCH // scrapes)
        yield from (together[first : first + size] for first in range(0, len(together), size))


def _judge(batch: Sequence[Case], read: frozenset[str]) -> list[Outcome]:
    trained = [_train(case, read) for case in batch]
    count = batch[0].family.scrapes
    end = SCRAPE_SECONDS * (count - 1)
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
    last = engine.read_moments(output, count)[-1].samples
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
    run = SimulatedRun(settings, _baseline(case, settings))
    apart = case.family.steps_from_scrape_to_scrape
    scrapes = Scrapes(settings.run)
    seconds = SCRAPE_SECONDS / apart * case.family.every
    for report in case.family.train(np.random.default_rng(case.seed), case.noise):
        run.wait(seconds)
        _observe(run, report)
        if report.step >= apart * len(scrapes):
            scrapes.scrapes.append(_only(run.scrape(report.step), read))
    return scrapes


def _baseline(case: Case, settings: RunSettings) -> Baseline | None:
    """Train the run before, at a level of its own, and return its course."""
    if case.family.before is None:
        return None
    rng = np.random.default_rng(_BEFORE + case.seed)
    before = replace(case.family, curve=case.family.before, level=case.family.level * rng.uniform(0.85, 1.15))
    run = SimulatedRun(settings)
    for report in before.train(rng, case.noise):
        _observe(run, report)
    return run.recorder.course()


def _observe(run: SimulatedRun, report: Report) -> None:
    if report.begins_stage:
        run.recorder.begin_stage(report.step)
    weights = None if report.kl_weight is None else {"kl": report.kl_weight}
    run.recorder.observe(report.step, report.values, group=report.group, weights=weights, mean_over=report.mean_over)
    if report.validation is not None:
        run.evaluate(report.step, {"nll": report.validation})
    if report.probe is not None:
        run.recorder.observe_probe(report.step, {"nll": report.probe})


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
