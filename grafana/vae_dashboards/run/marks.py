"""Events that are marked on all curves of the run dashboard."""

from __future__ import annotations

from vae_dashboards.board import Annotation
from vae_dashboards.meanings import (
    BLUE,
    GRAY,
    ORANGE,
    PURPLE,
    RED,
)
from vae_dashboards.queries import of_run


def marks() -> list[Annotation]:
    """Return the annotations of the run dashboard."""
    rate, rate_before = _now_and_before("vae_learning_rate")
    factor, factor_before = _now_and_before("vae_discriminator_factor")
    start, start_before = _now_and_before("run:vae_run_start:timestamp_seconds")
    epoch, epoch_before = _now_and_before("vae_epoch")
    return [
        Annotation(
            "Alerts",
            f"max by (run, alertname, severity) ({of_run('ALERTS', alertstate='firing')})",
            "{{alertname}}",
            RED,
            "{{severity}}, run {{run}}",
        ),
        Annotation("Resumes and restarts", f"{start} > on (run) {start_before}", "New process", BLUE),
        Annotation(
            "Discriminator start",
            f"{factor} > 0 and on (run) {factor_before} == 0",
            "Discriminator started",
            ORANGE,
        ),
        Annotation(
            "Learning rate jumps",
            f"{rate} > on (run) 2 * ({rate_before} > 0) or on (run) {rate} < on (run) 0.5 * {rate_before}",
            "Learning rate more than doubled or halved",
            PURPLE,
        ),
        Annotation("Epochs", f"{epoch} > on (run) {epoch_before}", "New epoch", GRAY, shown=False),
    ]


def _now_and_before(series: str) -> tuple[str, str]:
    """Return queries for the largest value of all ranks, now and one interval earlier."""
    return f"max by (run) ({of_run(series)})", f"max by (run) ({of_run(series)} offset $__interval)"
