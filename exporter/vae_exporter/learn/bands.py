"""The edges of the NLL's bands, scaled from the defaults to the level of a good run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vae_exporter._process.band_edges import FILE_FIELD
from vae_exporter._record.window_length import SHORT_WINDOWS
from vae_exporter.judge import engine
from vae_exporter.judge.simulation import Scrape, Scrapes
from vae_exporter.learn.good_run import LearnError
from vae_exporter.learn.noise import noise_of
from vae_exporter.vocabulary import EDGE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter.learn.good_run import GoodRun


def default_edges() -> dict[str, float]:
    """Return the default edges of the NLL by name, as the shipped rules record them for a run that declares none.

    Raises:
        StackError: promtool is missing, or fails.
    """
    run = Scrapes("any", [Scrape(0, {'vae_run_info{run="any"}': 1.0})])
    [samples] = engine.ask(run, engine.rule_files(), f'{{__name__=~"{EDGE_PREFIX}.+"}}')
    edges = {name.removeprefix(EDGE_PREFIX): values[0][1] for name, values in samples.items()}
    return dict(sorted(edges.items(), key=lambda edge: edge[1]))


def learned(run: GoodRun, defaults: Mapping[str, float]) -> dict[str, Any]:
    """Return the content of the file of band edges: the *defaults*, scaled to the level that *run* held.

    Raises:
        LearnError: If the run held no level.
    """
    if run.held is None:
        raise LearnError(
            f"run {run.name} ({run.source}) held no level: the NLL must be reported over three long windows in a row, "
            f"which are {3 * run.window_steps:.0f} steps; learn from a longer run"
        )
    if run.held <= 0:
        raise LearnError(
            f"run {run.name} ({run.source}) held the level {run.held:.4g}, and edges must be above 0: "
            "learn from a run with a positive NLL"
        )
    golden = (defaults["golden_min"] + defaults["golden_max"]) / 2
    scale = run.held / golden
    noise = noise_of(run.short_means, run.window_steps / SHORT_WINDOWS)
    return {
        "derived": (
            f"Run {run.name} ({run.source}) held the level {run.held:.4g}. Each edge is {scale:.4g} times the default, "
            f"so this level is the middle of golden, which is {golden:.4g} by default."
        ),
        "level": _rounded(run.held),
        "noise": None
        if noise is None
        else {"spread": round(noise.spread, 4), "correlation": round(noise.correlation, 3)},
        FILE_FIELD: {"nll": {name: _rounded(scale * edge) for name, edge in defaults.items()}},
    }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
