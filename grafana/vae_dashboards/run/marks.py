"""Events that are marked on all curves of the run dashboard."""

from __future__ import annotations

from vae_dashboards.board import Annotation
from vae_dashboards.meanings import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
)
from vae_dashboards.queries import of_run


def marks() -> list[Annotation]:
    """Return the annotations of the run dashboard."""
    factor, factor_before = _now_and_before("vae_discriminator_factor")
    start, start_before = _now_and_before("run:vae_run_start:timestamp_seconds")
    stage, stage_before = _now_and_before("run_change:vae_change:first_step", change="stage")
    epoch, epoch_before = _now_and_before("vae_epoch")
    return [
        _began("Pages", "page", RED),
        _ended("Ends of pages", "page", GREEN),
        _began("Tickets", "ticket", ORANGE, shown=False),
        Annotation("Resumes and restarts", f"{start} > on (run) {start_before}", "New process", BLUE),
        Annotation(
            "Discriminator start",
            f"{factor} > 0 and on (run) {factor_before} == 0",
            "Discriminator started",
            ORANGE,
        ),
        Annotation(
            "Learning rate jumps", _jumps("vae_learning_rate"), "Learning rate more than doubled or halved", PURPLE
        ),
        Annotation("Stages", f"{stage} unless on (run) ({stage} == on (run) {stage_before})", "New stage", BLUE),
        Annotation("Epochs", f"{epoch} > on (run) {epoch_before}", "New epoch", GRAY, shown=False),
    ]


def _began(name: str, severity: str, color: str, *, shown: bool = True) -> Annotation:
    """Mark the moment at which an alert begins to fire, and not the time for which it fires."""
    firing, before = _firing(severity)
    return Annotation(name, f"{firing} unless {before}", "{{alertname}} fires", color, shown=shown)


def _ended(name: str, severity: str, color: str) -> Annotation:
    firing, before = _firing(severity)
    return Annotation(name, f"{before} unless {firing}", "{{alertname}} resolved", color)


def _firing(severity: str) -> tuple[str, str]:
    alerts = of_run("ALERTS", alertstate="firing", severity=severity)
    return f"max by (run, alertname) ({alerts})", f"max by (run, alertname) ({alerts} offset $__interval)"


def _jumps(series: str) -> str:
    """Query for a value that more than doubled or halved after it was steady, as it is not in a warm-up."""
    now, before = _now_and_before(series)
    earlier = f"({of_run(series)}[2m] offset $__interval)"
    is_steady = (
        f"max by (run) (count_over_time{earlier}) > 1 and on (run) "
        f"min by (run) (min_over_time{earlier}) > 0.7 * max by (run) (max_over_time{earlier})"
    )
    return (
        f"({now} > on (run) 2 * ({before} > 0) or on (run) {now} < on (run) 0.5 * {before}) and on (run) ({is_steady})"
    )


def _now_and_before(series: str, **labels: str) -> tuple[str, str]:
    """Return queries for the largest value of all ranks, now and one interval earlier."""
    selected = of_run(series, **labels)
    return f"max by (run) ({selected})", f"max by (run) ({selected} offset $__interval)"
