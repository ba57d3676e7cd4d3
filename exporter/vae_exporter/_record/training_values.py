"""What the training steps report: the losses, step by step, and the last value of each gauge."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from vae_exporter._record.baseline import Baseline, BaselineSeries, median_of_short_means
from vae_exporter._record.changes import Changes
from vae_exporter._record.course import Course
from vae_exporter._record.level import Level
from vae_exporter._record.loss import Loss
from vae_exporter._record.mean import mean
from vae_exporter._record.mixture import Mixture
from vae_exporter._record.series import KEPT_VALUES, StepSeries
from vae_exporter._record.window_length import WindowLength
from vae_exporter._record.windows import JUDGED, KEPT_WINDOWS, Windows
from vae_exporter.vocabulary import COMPONENTS, NLL_PARTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter._process.loss_definition import LossDefinition
    from vae_exporter._record.facts import BaselineFacts, ChangeFacts, LevelFacts, LossFacts
    from vae_exporter._record.mixture import GroupLevel
    from vae_exporter._record.saved_state import SavedState


class TrainingValues:
    """The values of the training steps, in the order in which they arrive.

    The values of one step are merged. They enter the means when the next step begins, or when the facts are read.

    Args:
        definition: What the reported NLL consists of.
        window_steps: The length of a long window in steps. None chooses it: see `WindowLength`.
        baseline: The run before. None: there is none to compare with.
        keeps_course: Whether to keep the course of this run, for later ones.
    """

    def __init__(
        self,
        definition: LossDefinition,
        *,
        window_steps: int | None = None,
        baseline: Baseline | None = None,
        keeps_course: bool = False,
    ) -> None:
        self._definition = definition
        self._length = WindowLength(window_steps)
        kept = max(KEPT_VALUES, KEPT_WINDOWS * (window_steps or 0))
        self._losses = {component: Loss() for component in COMPONENTS}
        self._series: dict[str, StepSeries | Mixture] = {name: StepSeries(kept) for name in (*COMPONENTS, JUDGED)}
        self._kept = kept
        self._group = ""  # of the newest step's batch
        self._mean_over = 1  # how many steps the newest step's losses are the mean of
        self._data_position: int | None = None  # likewise
        self._before = BaselineSeries(baseline, kept) if baseline else None
        self._keeps_course = keeps_course
        self._course: Course | None = None
        self._balance = (StepSeries(kept), StepSeries(kept))
        self._gauges: dict[str, float] = {}
        self._changes = Changes()
        self._level = Level()
        self._group_levels: Mapping[str, GroupLevel] = {}  # of an earlier process of the run
        self._step: int | None = None  # the newest one whose values have arrived
        self._values: dict[str, list[float]] = {}  # of that step, which may still get more

    def record(
        self,
        step: int,
        values: Mapping[str, float],
        group: str = "",
        *,
        mean_over: int = 1,
        data_position: int | None = None,
    ) -> None:
        """Record the values at *step*. A step below the newest one is trained again.

        Args:
            step: The optimizer step.
            values: The losses and gauges, by name.
            group: The group that the batch is of.
            mean_over: The number of steps, up to this one, that each loss is the mean of.
            data_position: The index of the sample or shard that it comes from.
        """
        self._move_to(step)
        self._group = group
        self._mean_over = max(self._mean_over, mean_over)
        if data_position is not None:
            self._data_position = data_position
        gauges = {}
        for name, value in values.items():
            if name in self._losses:
                self._losses[name].observe(step, value)
                self._values.setdefault(name, []).append(value)
            elif isfinite(value):
                gauges[name] = value
        if gauges:
            self._gauges.update(gauges)
            self._changes.record(step, gauges)

    def record_skipped(self, step: int, values: Mapping[str, float]) -> None:
        """Record the values at *step*, which the gradient scaler has skipped: what is not finite is the reason for it.

        A loop that accumulates gradients learns this after it has reported the losses: what they were is taken back.
        """
        self._move_to(step)
        for loss in self._losses.values():
            loss.skip(step)
        self.record(step, {name: value for name, value in values.items() if isfinite(value)})

    def set_weights(self, step: int, weights: Mapping[str, float]) -> None:
        """Use *weights*, by component, from *step* on."""
        self._move_to(step)
        self._definition = self._definition.with_weights(weights)
        if "kl" in weights:
            self._changes.record(step, {"kl_weight": weights["kl"]})

    def begin_stage(self, step: int) -> None:
        """Begin a stage at *step*, such as a higher resolution: the means and the level start over."""
        self._complete()
        self._start_over()
        self._level = Level()
        self._group_levels = {}
        self._changes.note("stage", step)

    def resume(self, step: int) -> None:
        """Note that the run resumes from a checkpoint at *step*."""
        self._changes.note("resume", step)

    def take_over(self, saved: SavedState) -> None:
        """Take over what an earlier process of the run has left."""
        self._level.take_over(saved.level)
        self._changes.take_over(saved.changes)
        self._group_levels = saved.group_levels

    def group_levels(self) -> Mapping[str, GroupLevel]:
        """Return the level of each group of batches; empty if the run has no groups."""
        judged = self._series[JUDGED]
        return judged.levels() if isinstance(judged, Mixture) else self._group_levels

    def loss_facts(self) -> dict[str, LossFacts]:
        """Return what is known of each component."""
        return {component: loss.facts() for component, loss in self._losses.items()}

    def windows(self) -> Windows:
        """Return a copy of the values, the newest step's included, to compute means from."""
        series = {name: one.copy() for name, one in self._series.items()}
        balance = (self._balance[0].copy(), self._balance[1].copy())
        if self._step is not None:
            self._append(self._step, self._values, series, balance)
        return Windows(self._length.long, series, balance)

    def baseline_facts(self) -> BaselineFacts | None:
        """Return what the run before had at the positions of the newest long window."""
        return self._before.facts(self._length.long) if self._before else None

    def course(self) -> Baseline | None:
        """Return the course of this run as the baseline of a later one; None if it is not kept or has no level."""
        judged, level, long = self._series[JUDGED], self._reference(), self._length.long
        if self._course is None or not level or not isinstance(judged, StepSeries):
            return None
        end = None if judged.newest is None or not long else median_of_short_means(judged, judged.newest, long)
        return Baseline(self._course, end / level) if end and end > 0 else None

    def weights(self) -> Mapping[str, float]:
        """Return the weight of each component, as far as it is known."""
        return self._definition.weights

    def nll_part_weights(self) -> Mapping[str, float]:
        """Return the weight of each part in the NLL that is judged; empty if the parts cannot be told apart."""
        return self._definition.part_weights

    def level_facts(self) -> LevelFacts:
        """Return the level that the NLL has held."""
        return self._level.facts()

    def gauge_facts(self) -> dict[str, float]:
        """Return the last finite value of each gauge that was reported."""
        return dict(self._gauges)

    def change_facts(self) -> dict[str, ChangeFacts]:
        """Return the newest change of each kind."""
        return self._changes.facts()

    def short_mean(self) -> float | None:
        """Return the mean of the judged NLL over the newest short window; None if it is not whole."""
        return self._mean(self._length.short)

    def long_mean(self) -> float | None:
        """Return the mean of the judged NLL over the newest long window; None if it is not whole."""
        return self._mean(self._length.long)

    @property
    def long_window(self) -> int:
        """The length of a long window in steps; 0 while it is not known."""
        return self._length.long or 0

    def judge(self, losses: Mapping[str, float]) -> float | None:
        """Return the NLL that is judged from *losses*, such as those of an evaluation."""
        return self._definition.judge(losses, self._gauges.get("logvar", 0.0))

    def _mean(self, length: int | None) -> float | None:
        judged = self._series[JUDGED]
        if length is None or judged.newest is None:
            return None
        return judged.mean(judged.newest - length + 1, judged.newest)

    def _move_to(self, step: int) -> None:
        if self._step == step:
            return
        self._complete()
        if self._step is not None and step < self._step:
            for series in (*self._series.values(), *self._balance):
                series.drop_from(step)
            for loss in self._losses.values():
                loss.go_back_to(step)
            if self._before:
                self._before.drop_from(step)
            if self._course is not None:
                self._course.drop_from(step)
            self._level.go_back_to(step)
            self._changes.go_back_to(step)
        self._step = step
        self._mean_over = 1
        self._data_position = None

    def _complete(self) -> None:
        """Enter the newest step's values into the means: it can get no more."""
        values, self._values = self._values, {}
        if self._step is None or not values:
            return
        if self._group and not isinstance(self._series[JUDGED], Mixture):
            self._series.update({name: Mixture(self._kept) for name in NLL_PARTS})
            self._series[JUDGED] = Mixture(self._kept, self._group_levels)
        self._append(self._step, values, self._series, self._balance)
        judged = self._series[JUDGED]
        if judged.newest != self._step:
            return
        if self._length.observe(self._step, self._mean_over):
            self._start_over()
        elif self._length.long is not None:
            self._level.observe(self._step, self._length.long, judged, self._series)
        if self._before:
            self._before.observe(self._step, self._data_position)
        if self._keeps_course and isinstance(judged, StepSeries):
            self._keep(judged, self._step)

    def _keep(self, judged: StepSeries, step: int) -> None:
        """Add the newest value to the course, once the run has a level."""
        reference, newest = self._reference(), judged.values(step, step)
        if self._length.short is None or not reference or not newest or min(reference, newest[0]) <= 0:
            return
        if self._course is None:
            self._course = Course(width=self._length.short)
        self._course.observe(step, self._data_position, newest[0], reference)

    def _reference(self) -> float | None:
        level = self._level.facts()
        return level.best if level.held is None else level.held

    def _append(
        self,
        step: int,
        values: Mapping[str, list[float]],
        series: Mapping[str, StepSeries | Mixture],
        balance: tuple[StepSeries, StepSeries],
    ) -> None:
        means: dict[str, float] = {}
        for name, given in values.items():
            finite = [value for value in given if isfinite(value)]
            value = mean(finite) if len(finite) > 1 else finite[0] if finite else None
            self._append_to(series[name], step, value)
            if value is not None:
                means[name] = value
        if not self._definition.needs <= values.keys():
            return
        logvar = self._gauges.get("logvar", 0.0)
        self._append_to(series[JUDGED], step, self._definition.judge(means, logvar))
        balanced = self._definition.balance(means, logvar)
        if balanced is not None:
            for one, value in zip(balance, balanced, strict=True):
                one.append(step, value, self._mean_over)

    def _append_to(self, series: StepSeries | Mixture, step: int, value: float | None) -> None:
        if isinstance(series, Mixture):
            series.append(step, value, self._group)
        else:
            series.append(step, value, self._mean_over)

    def _start_over(self) -> None:
        for series in (*self._series.values(), *self._balance):
            series.clear()
        if self._before:
            self._before.clear()
