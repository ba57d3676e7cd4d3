"""What happened when: marks on all curves of the run's dashboard."""

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
    """Return the marks on all curves."""
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
        Annotation("Resumed or started anew", f"{start} > on (run) {start_before}", "A new process", BLUE),
        Annotation(
            "Discriminator starts",
            f"{factor} > 0 and on (run) {factor_before} == 0",
            "The discriminator starts",
            ORANGE,
        ),
        Annotation(
            "Learning rate jumps",
            f"{rate} > on (run) 2 * ({rate_before} > 0) or on (run) {rate} < on (run) 0.5 * {rate_before}",
            "The learning rate doubled or halved",
            PURPLE,
        ),
        Annotation("Epochs", f"{epoch} > on (run) {epoch_before}", "A new epoch", GRAY, shown=False),
    ]


def _now_and_before(series: str) -> tuple[str, str]:
    """Give the largest value of the ranks, and what it was one point of the query before."""
    return f"max by (run) ({of_run(series)})", f"max by (run) ({of_run(series)} offset $__interval)"
