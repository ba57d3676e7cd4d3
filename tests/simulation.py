"""A run on a simulated clock: the real exporter, scraped into the series of a promtool unit test."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from vae_exporter._programs import find_program
from vae_exporter._recorder import Recorder
from vae_exporter._registry import run_registry
from vae_exporter._settings import check_settings
from vae_exporter._stack import stack_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from recorded_runs import Step

SCRAPE_SECONDS = 15


@dataclass
class Scrapes:
    """What Prometheus would have scraped of a run: each series' values, one a scrape, and the step at each scrape."""

    run: str
    count: int = 0
    series: dict[str, list[str]] = field(default_factory=dict)
    steps: list[int] = field(default_factory=list)

    def add(self, samples: Mapping[str, float], step: int) -> None:
        """Append one scrape."""
        for name in samples:
            self.series.setdefault(name, ["_"] * self.count)
        for name, values in self.series.items():
            if name in samples:
                values.append(repr(float(samples[name])))
            else:  # a series that a scrape no longer finds is marked stale
                values.append("_" if not values or values[-1] in ("_", "stale") else "stale")
        self.steps.append(step)
        self.count += 1

    def seconds_at(self, step: int) -> int:
        """Return when the first scrape at *step* or later was."""
        return SCRAPE_SECONDS * next(index for index, seen in enumerate(self.steps) if seen >= step)

    @property
    def end_seconds(self) -> int:
        """When the last scrape was."""
        return SCRAPE_SECONDS * (self.count - 1)


def scrape_run(run: str, steps: Iterable[Step], **settings: Any) -> Scrapes:  # noqa: ANN401 - of TrainingExporter
    """Train *steps* on a simulated clock, scraped every `SCRAPE_SECONDS`."""
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
    now = 0.0
    recorder = Recorder(clock=lambda: now, monotonic=lambda: now)
    registry = run_registry(checked, recorder)
    scrapes = Scrapes(run)
    for step in steps:
        now += step.seconds
        recorder.observe(step.number, {**step.losses, "learning_rate": step.learning_rate})
        while now >= SCRAPE_SECONDS * scrapes.count:
            samples = {
                _series(sample.name, sample.labels): sample.value
                for metric in registry.collect()
                if not metric.name.startswith("vae_exporter")
                for sample in metric.samples
            }
            scrapes.add(samples, step.number)
    return scrapes


@dataclass(frozen=True)
class Expect:
    """What *query* gives at a time in seconds: values by the labels of the sample, as promtool writes it."""

    query: str
    seconds: int
    samples: Mapping[str, float]


def check_rules(folder: Path, runs: Iterable[Scrapes], expected: Iterable[Expect]) -> None:
    """Judge *runs* by the shipped rules, and fail with promtool's own words where a query gives something else."""
    rules = stack_folder() / "prometheus" / "rules"
    test = {
        "rule_files": [str(path) for path in sorted(rules.glob("*.yml"))],
        "evaluation_interval": f"{SCRAPE_SECONDS}s",
        "tests": [
            {
                "interval": f"{SCRAPE_SECONDS}s",
                "input_series": [
                    {"series": name, "values": " ".join(values)} for run in runs for name, values in run.series.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": expect.query,
                        "eval_time": f"{expect.seconds}s",
                        "exp_samples": [{"labels": labels, "value": value} for labels, value in expect.samples.items()],
                    }
                    for expect in expected
                ],
            }
        ],
    }
    file = folder / "test.yml"
    file.write_text(yaml.safe_dump(test, width=10**9))
    done = subprocess.run(
        [find_program("promtool"), "test", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _series(name: str, labels: Mapping[str, str]) -> str:
    pairs = {**labels, "instance": "127.0.0.1:9645", "job": "vae-training"}
    return f"{name}{{{','.join(f'{label}={promql_string(value)}' for label, value in pairs.items())}}}"


def promql_string(value: str) -> str:
    """Return *value* as PromQL writes a string."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
