"""Learn from the log of a past run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter.errors import LogError
from vae_exporter.judge import engine
from vae_exporter.judge.judgement import scrape
from vae_exporter.judge.logs.logged_run import read_runs
from vae_exporter.learn.good_run import GoodRun
from vae_exporter.stack.curve import Curve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vae_exporter.judge.engine import Samples
    from vae_exporter.judge.logs.logged_run import LoggedRun, LogOptions

_HELD = "run:vae_nll:held"
_MEAN = "run:vae_nll:mean"
_STEPS = "run:vae_loss_window:steps"
_SHORT_MEAN = "run:vae_nll:short_mean"
_QUERY = f'{{__name__=~"{_HELD}|{_MEAN}|{_STEPS}|{_SHORT_MEAN}"}}'


def read_good_run(path: Path, options: LogOptions, run: str, defaults: Mapping[str, float]) -> GoodRun:
    """Return what the rules record about the run named *run* of the log *path*, by default its first one.

    Raises:
        LogError: The log cannot be read, or has no such run.
        StackError: promtool is missing, or fails.
    """
    names = []
    for found in read_runs(path, options):
        if run in ("", found.name):
            return _judged(found, defaults)
        names.append(found.name)
        for _ in found.stretches:
            pass
    raise LogError(f"{path} has no run {run!r}; it has {', '.join(names)}")


def _judged(run: LoggedRun, defaults: Mapping[str, float]) -> GoodRun:
    # A run with edges of its own is judged by the NLL that it reports, and so will be the runs that get these edges.
    scrapes = scrape(run, {"nll": defaults})
    moments = engine.ask(scrapes, engine.rule_files(), _QUERY)
    points = [
        (step, value)
        for step, samples in zip(scrapes.steps, moments, strict=True)
        if (value := _value(samples, _SHORT_MEAN)) is not None
    ]
    return GoodRun(
        name=run.name,
        source=run.file,
        held=_value(moments[-1], _HELD),
        mean=_value(moments[-1], _MEAN),
        window_steps=_value(moments[-1], _STEPS) or 0.0,
        short_means=Curve(tuple(step for step, _ in points), tuple(value for _, value in points)),
        course=scrapes.course,
    )


def _value(samples: Samples, name: str) -> float | None:
    return next((value for _, value in samples.get(name, ())), None)
