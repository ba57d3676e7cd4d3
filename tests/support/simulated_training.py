"""A training run on a simulated clock, and its facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vae_exporter._record.recorder import Recorder

if TYPE_CHECKING:
    from vae_exporter._record.facts import LossFacts, RunFacts, StepFacts
    from vae_exporter.vocabulary import RunState

START = 1_700_000_000.0


@dataclass
class Training:
    """A recorder whose clocks advance when the test says so."""

    start_step: int | None = None
    torch: Any = None
    elapsed: float = 0.0
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(
            start_step=self.start_step,
            clock=lambda: START + self.elapsed,
            monotonic=lambda: 50.0 + self.elapsed,
            torch=self.torch,
        )

    def observe(self, step: Any, *, after: float = 1.0, **values: object) -> None:  # noqa: ANN401 - whatever a user gives
        """Advance the clocks by *after* seconds, and observe *values*."""
        self.elapsed += after
        self.recorder.observe(step, values)

    @property
    def facts(self) -> RunFacts:
        return self.recorder.facts()

    @property
    def steps(self) -> StepFacts:
        return self.facts.steps

    def state(self) -> RunState:
        return self.facts.state

    @property
    def nll(self) -> LossFacts:
        return self.facts.losses["nll"]

    def mean(self, component: str = "nll", *, steps: int = 10) -> float | None:
        """Return the mean of *component* over the newest *steps*."""
        series = self.facts.windows.series[component]
        return None if series.newest is None else series.mean(series.newest - steps + 1, series.newest)
