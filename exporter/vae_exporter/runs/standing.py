"""Reads the current standing of every run from Prometheus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vae_exporter.vocabulary import RUN_STATES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter.stack.client import Prometheus, Series

_NONE: Mapping[str, Mapping[str, str]] = {}

_STATES = {code: state for state, code in RUN_STATES.items()}


@dataclass(frozen=True)
class Standing:
    """The current standing of a run. A field is None if Prometheus has no value for it.

    Args:
        run: The name of the run.
        state: The state of its most severe rank, or ``"lost"`` if a rank disappeared.
        step: The newest step.
        nll: The mean NLL over a window of steps.
        band: The band of the NLL.
        verdict: The verdict.
        reason: What decided the verdict: a band, or an alert.
        age: The time since the last step of the slowest rank, in seconds.
        alerts: The severity of each alert that fires, by name.
        gpu: The mean utilization of its GPUs, from 0 to 1.
        gpu_memory: The largest share of a GPU's memory in use, from 0 to 1.
        suppressed: Why Alertmanager holds an alert back, by name: ``"silenced"`` or ``"inhibited"``.
    """

    run: str
    state: str | None = None
    step: int | None = None
    nll: float | None = None
    band: str | None = None
    verdict: str | None = None
    reason: str | None = None
    age: float | None = None
    alerts: Mapping[str, str] = field(default_factory=dict)
    gpu: float | None = None
    gpu_memory: float | None = None
    suppressed: Mapping[str, str] = field(default_factory=dict)


def standings(prometheus: Prometheus, suppressions: Mapping[str, Mapping[str, str]] = _NONE) -> list[Standing]:
    """Return the standing of each run that Prometheus scrapes or has judged lately, by name.

    *suppressions* are those of Alertmanager: see `vae_exporter.runs.suppression`.

    Raises:
        AnswerError: Prometheus does not answer.
    """
    states = _by_run(prometheus, "max by (run) (run_rank:vae_run_state:code)")
    lost = _by_run(prometheus, "max by (run) (run_rank:vae_run:disappeared)")
    scraped = _by_run(prometheus, "group by (run) (vae_run_info)")
    steps = _by_run(prometheus, "max by (run) (vae_step) or max by (run) (run_rank:vae_step:max)")
    nll = _by_run(prometheus, "max by (run) (run:vae_nll:mean)")
    bands = _by_run(prometheus, "run:vae_nll_band")
    verdicts = _by_run(prometheus, "run:vae_verdict")
    ages = _by_run(prometheus, "max by (run) (clamp_min(time() - vae_last_step_timestamp_seconds, 0))")
    gpus = _by_run(prometheus, "avg by (run) (vae_gpu_utilization_ratio)")
    memory = _by_run(prometheus, "max by (run) (vae_gpu_memory_used_bytes / vae_gpu_memory_total_bytes)")
    alerts = _alerts(prometheus)

    def standing(run: str) -> Standing:
        verdict = verdicts[run].labels if run in verdicts else {}
        step = _value(steps, run)
        return Standing(
            run=run,
            state="lost" if run in lost else _STATES.get(int(states[run].value)) if run in states else None,
            step=None if step is None else int(step),
            nll=_value(nll, run),
            band=bands[run].labels.get("band") if run in bands else None,
            verdict=verdict.get("verdict"),
            reason=verdict.get("reason"),
            age=_value(ages, run),
            alerts=alerts.get(run, {}),
            gpu=_value(gpus, run),
            gpu_memory=_value(memory, run),
            suppressed=suppressions.get(run, {}),
        )

    return [standing(run) for run in sorted({*states, *scraped, *alerts})]


def _by_run(prometheus: Prometheus, expression: str) -> dict[str, Series]:
    return {series.labels["run"]: series for series in prometheus.query(expression) if "run" in series.labels}


def _value(found: Mapping[str, Series], run: str) -> float | None:
    return found[run].value if run in found else None


def _alerts(prometheus: Prometheus) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for series in prometheus.query('ALERTS{alertstate="firing",run!=""}'):
        found.setdefault(series.labels["run"], {})[series.labels["alertname"]] = series.labels.get("severity", "")
    return found
