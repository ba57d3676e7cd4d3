"""The judgement of the shipped rules on a past run: its verdict, bands and alerts, by step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from vae_exporter._process.settings import check_settings
from vae_exporter.judge import engine
from vae_exporter.judge.explanation import explain_log
from vae_exporter.judge.inhibition import inhibit_rules, inhibitor
from vae_exporter.judge.simulation import simulate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from vae_exporter._process.band_edges import BandEdges
    from vae_exporter._record.baseline import Baseline
    from vae_exporter.judge.engine import FiringAlert, Moment
    from vae_exporter.judge.explanation import Part
    from vae_exporter.judge.inhibition import InhibitRule
    from vae_exporter.judge.logs.logged_run import LoggedRun
    from vae_exporter.judge.simulation import Scrapes

PAGE = "page"

KEPT_STEPS = 200
"""For how many steps an alert that keeps firing for ten minutes does so: those of a run of 3 s a step."""


@dataclass(frozen=True)
class AlertEpisode:
    """One firing of an alert, from *step* to *resolved_step*, which is None if it still fired at the end of the run.

    *cause* is the component that the rules name as the cause of the rise, if any. From *inhibited_step* on, the alert
    *inhibited_by* keeps it from notifying.
    """

    alert: str
    severity: str
    step: int
    resolved_step: int | None
    cause: str | None
    summary: str
    description: str
    inhibited_by: str | None = None
    inhibited_step: int | None = None


@dataclass(frozen=True)
class BandSpan:
    """Consecutive steps with the NLL in *band*, or in none if that is None.

    *nll* is its last value there. None means that the run has no mean NLL yet.
    """

    band: str | None
    first_step: int
    last_step: int
    nll: float | None


@dataclass(frozen=True)
class Judgement:
    """The judgement of a run at its end, and its bands and alerts on the way there.

    *verdict*, *reason*, *band* and *nll* are None if the run was too short to judge. *moments* are the evaluations of
    the rules, at *steps*. *why* explains at the end why VaeNllDiverged fires or not, if that was asked for.
    """

    verdict: str | None
    reason: str | None
    band: str | None
    nll: float | None
    bands: Sequence[BandSpan]
    alerts: Sequence[AlertEpisode]
    moments: Sequence[Moment]
    steps: Sequence[int]
    why: Sequence[Part] = ()

    @property
    def paged(self) -> bool:
        """Whether an alert of severity page fired."""
        return any(episode.severity == PAGE for episode in self.alerts)


def scrape(
    run: LoggedRun, band_edges: BandEdges | None = None, baseline: Baseline | None = None, loss: str | None = None
) -> Scrapes:
    """Read *run* to its end, and return what Prometheus would have scraped if it had been given these arguments."""
    settings = check_settings(
        run=run.name,
        rank=0,
        loss_weights=run.loss_weights,
        band_edges=band_edges,
        info=None,
        outputs_url=None,
        start_step=run.start_step,
        loss=loss,
    )
    return simulate(settings, run.stretches, baseline)


def judge(  # noqa: PLR0913 - the command's options
    run: LoggedRun,
    *,
    rules: Sequence[Path],
    band_edges: BandEdges | None = None,
    baseline: Baseline | None = None,
    loss: str | None = None,
    why: bool = False,
) -> Judgement:
    """Read *run* to its end and judge it with *rules*, compared with *baseline*. *why* asks for an explanation.

    *loss* is the name of a preset, as in ``TrainingExporter(loss=...)``.

    Raises:
        StackError: promtool is missing, or fails.
    """
    scrapes = scrape(run, band_edges, baseline, loss)
    moments = engine.evaluate(scrapes, rules)
    judged = judgement(moments, scrapes.steps, kept=engine.kept_alerts(rules), inhibitions=inhibit_rules())
    return replace(judged, why=explain_log(scrapes, rules)) if why else judged


def judgement(
    moments: Sequence[Moment],
    steps: Sequence[int],
    *,
    kept: Collection[str] = (),
    inhibitions: Collection[InhibitRule] = (),
) -> Judgement:
    """Summarize *moments*, which were evaluated at *steps*.

    The alerts *kept* keep firing for `KEPT_STEPS`. One that *inhibitions* hold back begins when they no longer do.
    """
    last = moments[-1] if moments else engine.Moment({}, ())
    verdict = _labels(last, "run:vae_verdict")
    return Judgement(
        verdict=verdict.get("verdict"),
        reason=verdict.get("reason"),
        band=_labels(last, "run:vae_nll_band").get("band"),
        nll=_value(last, "run:vae_nll:mean"),
        bands=tuple(_bands(moments, steps)),
        alerts=tuple(_episodes(moments, steps, kept, inhibitions)),
        moments=moments,
        steps=steps,
    )


def _bands(moments: Sequence[Moment], steps: Sequence[int]) -> Iterator[BandSpan]:
    at_each = [
        (_labels(moment, "run:vae_nll_band").get("band"), _value(moment, "run:vae_nll:mean"), step)
        for moment, step in zip(moments, steps, strict=True)
    ]
    for (band, _), group in groupby(at_each, key=lambda one: (one[0], one[1] is None)):
        span = list(group)
        yield BandSpan(band, span[0][2], span[-1][2], span[-1][1])


def _episodes(
    moments: Sequence[Moment], steps: Sequence[int], kept: Collection[str], inhibitions: Collection[InhibitRule]
) -> Iterator[AlertEpisode]:
    episodes: dict[frozenset[tuple[str, str]], AlertEpisode] = {}
    last_fired: dict[frozenset[tuple[str, str]], int] = {}
    ended: list[AlertEpisode] = []
    for moment, step in zip(moments, steps, strict=True):
        firing = {frozenset(alert.labels.items()): alert for alert in moment.alerts}
        last_fired.update(dict.fromkeys(firing, step))
        for key in [key for key in episodes if key not in firing]:
            is_kept = episodes[key].alert in kept and 0 <= step - last_fired[key] < KEPT_STEPS
            if not is_kept:
                ended.append(replace(episodes.pop(key), resolved_step=step))
        for key, alert in firing.items():
            by = inhibitor(alert, moment.alerts, inhibitions)
            if key not in episodes and by is None:
                episodes[key] = _begun(alert, moment, step)
            elif key in episodes and by and episodes[key].inhibited_by is None:
                episodes[key] = replace(episodes[key], inhibited_by=by, inhibited_step=step)
    yield from sorted([*ended, *episodes.values()], key=lambda episode: (episode.step, episode.alert))


def _begun(alert: FiringAlert, moment: Moment, step: int) -> AlertEpisode:
    return AlertEpisode(
        alert=alert.name,
        severity=alert.labels.get("severity", ""),
        step=step,
        resolved_step=None,
        cause=_labels(moment, "run:vae_nll_rise_cause").get("cause"),
        summary=alert.annotations.get("summary", ""),
        description=alert.annotations.get("description", ""),
    )


def _labels(moment: Moment, name: str) -> Mapping[str, str]:
    """Return the labels of a sample of *name* that is neither 0 nor NaN, or an empty mapping."""
    return next((labels for labels, value in moment.samples.get(name, ()) if value == value and value), {})  # noqa: PLR0124 - NaN


def _value(moment: Moment, name: str) -> float | None:
    return next((value for _, value in moment.samples.get(name, ())), None)
