"""Fill a report from a judged log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter.report.contents import Alert, Report
from vae_exporter.stack.curve import Curve
from vae_exporter.vocabulary import EDGE_PREFIX, NLL_PARTS

if TYPE_CHECKING:
    from vae_exporter.judge.judgement import Judgement
    from vae_exporter.judge.printing import JudgedRun


def report_of(judged: JudgedRun) -> Report:
    """Return the report of *judged*."""
    judgement = judged.judgement
    return Report(
        run=judged.run.name,
        source=f"the log {judged.run.file}",
        verdict=judgement.verdict,
        reason=judgement.reason,
        nll=_curve(judgement, "run:vae_nll:mean"),
        nll_noise=_curve(judgement, "run:vae_nll:short_mean"),
        baseline=_curve(judgement, "run:vae_baseline:mean"),
        edges=_edges(judgement),
        contributions={
            component: _curve(judgement, "run_component:vae_loss:contribution", component=component)
            for component in NLL_PARTS
        },
        alerts=tuple(
            Alert(one.alert, one.severity, one.step, one.resolved_step, one.summary, one.description)
            for one in judgement.alerts
        ),
    )


def _curve(judgement: Judgement, series: str, **labels: str) -> Curve:
    points = [
        (step, value)
        for moment, step in zip(judgement.moments, judgement.steps, strict=True)
        for found, value in moment.samples.get(series, ())
        if labels.items() <= found.items()
    ]
    return Curve(tuple(step for step, _ in points), tuple(value for _, value in points))


def _edges(judgement: Judgement) -> dict[str, float]:
    return {
        name.removeprefix(EDGE_PREFIX): value
        for moment in judgement.moments
        for name, samples in moment.samples.items()
        for _, value in samples
        if name.startswith(EDGE_PREFIX)
    }
