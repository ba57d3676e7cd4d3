"""Learn from a run that Prometheus has watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter._record.baseline import Baseline
from vae_exporter._record.course import BIN, Course, Place
from vae_exporter.learn.good_run import GoodRun, LearnError
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.run_history import history_of

if TYPE_CHECKING:
    from vae_exporter.stack.run_history import RunHistory

_MEAN = "run:vae_nll:mean"
_LEVEL = "run:vae_nll:level"

AS_REPORTED = "nll"
"""What is judged, if it is the NLL that the run reports."""


def read_good_run(prometheus_url: str, run: str | None) -> GoodRun:
    """Return what the rules have recorded about *run*. None means the only run that the server has.

    Raises:
        AnswerError: The server does not answer.
        RunError: The server has no such run, or *run* is None and it has several.
        LearnError: The run is not judged by the NLL that it reports.
    """
    history = history_of(Prometheus(prometheus_url), run)
    judged = history.newest_labels("vae_loss_info").get("judged", AS_REPORTED)
    if judged != AS_REPORTED:
        raise LearnError(
            f"run {history.run} is judged by {judged}, which has the scale of the default edges, and a run with edges "
            "of its own by the NLL that it reports; learn from the log of this run instead"
        )
    window_steps = history.newest_value("run:vae_loss_window:steps") or 0.0
    return GoodRun(
        name=history.run,
        source=prometheus_url,
        held=history.newest_value("run:vae_nll:held"),
        mean=history.newest_value(_MEAN),
        window_steps=window_steps,
        short_means=history.curve(f"max(run:vae_nll:short_mean{{{history.selector}}})"),
        course=_course(history, round(window_steps)),
    )


def _course(history: RunHistory, window_steps: int) -> Baseline | None:
    """Return the course of the run from its means over long windows. A step is known if it is in one of them."""
    means, levels = (history.curve(f"max({series}{{{history.selector}}})") for series in (_MEAN, _LEVEL))
    level_at = dict(zip(levels.steps, levels.values, strict=True))
    course, growth = Course(), None
    for step, mean in zip(means.steps, means.values, strict=True):
        level = level_at.get(step, 0.0)
        if mean > 0 and level > 0:
            growth = mean / level
            for position in range(round(step) - window_steps + 1, round(step) + 1, BIN):
                course.put(position, Place(mean, level))
    return None if growth is None else Baseline(course, growth)
