"""Writes the simulated hour into the storage of a Prometheus: what was scraped, and what the shipped rules made of it.

promtool evaluates the rules, alerts included, as a unit test. It also writes the blocks: `create-blocks-from rules`
would leave out the alerts.
"""

from __future__ import annotations

import json
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

from children import finished
from stored_series import store

from looks.processes import SCRAPE_SECONDS, scrapes
from looks.trainings import HOUR, TRAININGS
from vae_exporter.judge.engine import read_moments
from vae_exporter.stack.files import stack_folder
from vae_exporter.stack.programs import find_program
from vae_exporter.stack.promql import promql_string

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from looks.processes import Labels
    from looks.trainings import Training

DEADLINE_SECONDS = 1200.0

SCRAPES = HOUR // SCRAPE_SECONDS + 1

RECORDED = '{__name__=~".+:.+|ALERTS"}'

LEAST_TIME = 1.0
"""A Unix time of the simulation that is not 0, which stands for "not yet"."""

Key = tuple[str, "Labels"]
Points = dict[int, float]
"""The values of a series by their time, in seconds of the hour."""


@dataclass(frozen=True)
class Hour:
    """The Prometheus at *url* that has the simulated hour from *start* to *end*, in Unix seconds."""

    url: str
    start: int
    end: int


def write_hour(folder: Path, start: int) -> None:
    """Write the hour that begins at *start*, in Unix seconds, for a Prometheus with its data in *folder*."""
    # A fork would inherit the locks of torch's threads, held, and wait for them.
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        scraped = [*pool.map(_scraped, TRAININGS)]
    series = {key: points for one in scraped for key, points in one.items()}
    series |= _recorded(folder, series)
    store(folder, _openmetrics(series, start), seconds=DEADLINE_SECONDS)


def _scraped(training: Training) -> dict[Key, Points]:
    found: dict[Key, Points] = defaultdict(dict)
    for at, samples in scrapes(training):
        for name, labels, value in samples:
            found[name, labels][at] = value
    return dict(found)


def _recorded(folder: Path, series: Mapping[Key, Points]) -> dict[Key, Points]:
    """Return what the shipped rules record, and the alerts."""
    interval = f"{SCRAPE_SECONDS}s"
    test = {
        "rule_files": [str(file) for file in sorted((stack_folder() / "prometheus" / "rules").glob("*.yml"))],
        "evaluation_interval": interval,
        "tests": [
            {
                "interval": interval,
                "input_series": [{"series": _series(key), "values": _values(points)} for key, points in series.items()],
                "promql_expr_test": [
                    {"expr": RECORDED, "eval_time": f"{SCRAPE_SECONDS * index}s", "exp_samples": []}
                    for index in range(SCRAPES)
                ],
            }
        ],
    }
    file = folder / "test.yml"
    file.write_text(json.dumps(test))
    done = finished([find_program("promtool"), "test", "rules", file], seconds=DEADLINE_SECONDS)
    found: dict[Key, Points] = defaultdict(dict)
    for index, moment in enumerate(read_moments(done.stdout + done.stderr, SCRAPES)):
        for name, samples in moment.samples.items():
            for labels, value in samples:
                found[name, tuple(sorted(labels.items()))][SCRAPE_SECONDS * index] = value
    assert found, done.stderr[-1000:]
    return dict(found)


def _values(points: Points) -> str:
    """Return *points* in promtool's notation. Prometheus marks a series stale when it disappears from a scrape."""
    texts = []
    for at in range(0, HOUR + 1, SCRAPE_SECONDS):
        gone = "stale" if at - SCRAPE_SECONDS in points else "_"
        texts.append(repr(points[at]) if at in points else gone)
    return " ".join(texts)


def _openmetrics(series: Mapping[Key, Points], start: int) -> Iterator[str]:
    names = sorted({name for name, _ in series})
    by_name = {name: [(key, points) for key, points in series.items() if key[0] == name] for name in names}
    for name in names:
        yield f"# TYPE {name} unknown"
        moves = "timestamp_seconds" in name
        for key, points in by_name[name]:
            text = _series(key)
            for at, value in points.items():
                moved = value + start if moves and value >= LEAST_TIME else value
                yield f"{text} {moved!r} {start + at}"


def _series(key: Key) -> str:
    name, labels = key
    return f"{name}{{{','.join(f'{label}={promql_string(value)}' for label, value in labels)}}}"
