"""Learn from a run that Prometheus has watched."""

from __future__ import annotations

from vae_exporter.learn.good_run import GoodRun, LearnError
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.run_history import history_of

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
    return GoodRun(
        name=history.run,
        source=prometheus_url,
        held=history.newest_value("run:vae_nll:held"),
        window_steps=history.newest_value("run:vae_loss_window:steps") or 0.0,
        short_means=history.curve(f"max(run:vae_nll:short_mean{{{history.selector}}})"),
    )
