"""Records validation losses, and how far the validation NLL is from that of the training."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_exporter._record.evidence import NEEDED_MEANS, standard_error_of_means
from vae_exporter._record.facts import GapFacts, ValidationFacts
from vae_exporter._record.mean import mean
from vae_exporter.vocabulary import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

AVERAGED = 5
"""How many evaluations in a row are averaged: one may be of easy or hard batches."""

CLEARLY_LOWER = 2.0
"""Standard errors by which an average must be lower to be an improvement. The lowest of many equal ones is chance."""


class Validation:
    """The mean of each loss over the newest evaluation, which is all batches that were observed at one step.

    An evaluation is over when the training goes on or the next one begins. Its NLL is then compared with that of the
    training, and both are averaged over `AVERAGED` evaluations. The lowest such average is the best that the model has
    done on data that it is not trained on. The gap is compared with that of the last clear improvement.
    """

    _best: float
    _improved: float
    _ratio_then: float

    def __init__(self) -> None:
        self._means: dict[str, _StepMean] = {}
        self._step: int | None = None  # of the evaluation that has not been compared yet
        self._training_nll: float | None = None  # when it began
        self._compared: deque[_Evaluation] = deque(maxlen=NEEDED_MEANS)
        self._best: float  # the lowest average NLL
        self._improved: float  # the one at which it was last clearly lower than before
        self._forget_best()

    def record(self, step: int, values: Mapping[str, float], training_nll: float | None) -> None:
        """Record the finite losses of one batch of the evaluation at *step*. Other values are ignored.

        Args:
            step: The optimizer step.
            values: The losses, by component.
            training_nll: The judged NLL of the training, over the long window before the step; None if it is not whole.
        """
        if step != self._step:
            self._step, self._training_nll = step, training_nll
        for name, value in values.items():
            if name in COMPONENTS and math.isfinite(value):
                self._means.setdefault(name, _StepMean()).observe(step, value)

    def compare(self, newest: int | None, judge: Callable[[Mapping[str, float]], float | None], apart: int) -> None:
        """Compare the evaluation with the training, if it is over.

        Args:
            newest: The newest step of the training, or the step of the next evaluation.
            judge: Returns the NLL that is judged from the losses of an evaluation.
            apart: The steps between two evaluations that are compared: closer ones share their training steps.
        """
        if self._step is None or newest is None or newest <= self._step:
            return
        step, self._step = self._step, None
        nll = judge({name: one.value for name, one in self._means.items() if one.step == step})
        is_close = self._compared and 0 <= step - self._compared[-1].step < apart
        if nll is None or not self._training_nll or is_close:
            return
        self._compared.append(_Evaluation(step, nll, self._training_nll))
        if len(self._compared) >= AVERAGED:
            nll, ratio = _average(list(self._compared)[-AVERAGED:])
            if nll < self._improved - CLEARLY_LOWER * self._error():
                self._improved, self._ratio_then = nll, ratio
            self._best = min(self._best, nll)

    def start_over(self) -> None:
        """Forget how the evaluations compare: a stage begins, in which other losses are normal."""
        self._step = None
        self._compared.clear()
        self._forget_best()

    def facts(self) -> ValidationFacts:
        """Return what is known."""
        losses = {component: one.value for component, one in self._means.items()}
        if len(self._compared) < AVERAGED:
            return ValidationFacts(losses)
        nll, ratio = _average(list(self._compared)[-AVERAGED:])
        error = _standard_error([one.ratio for one in self._compared])
        growth_error = None if error is None else error * math.sqrt(2)  # both averages are uncertain
        step = self._compared[-1].step
        return ValidationFacts(losses, GapFacts(step, nll, ratio, growth_error, self._best, self._ratio_then))

    def _forget_best(self) -> None:
        self._best = math.inf
        self._improved = math.inf
        self._ratio_then = math.inf

    def _error(self) -> float:
        return _standard_error([one.nll for one in self._compared]) or 0.0


@dataclass(frozen=True)
class _Evaluation:
    step: int
    nll: float
    training_nll: float

    @property
    def ratio(self) -> float:
        return self.nll / self.training_nll


def _standard_error(values: list[float]) -> float | None:
    """Return the standard error of the mean of the newest `AVERAGED` of *values*; None if it cannot be estimated."""
    return standard_error_of_means(values, [1] * len(values), [1] * AVERAGED)


def _average(evaluations: Iterable[_Evaluation]) -> tuple[float, float]:
    """Return the mean NLL of *evaluations*, and how many times that of the training it is."""
    known = list(evaluations)
    nll = mean([one.nll for one in known])
    return nll, nll / mean([one.training_nll for one in known])


@dataclass
class _StepMean:
    step: int | None = None
    value: float = 0.0
    count: int = 0

    def observe(self, step: int, value: float) -> None:
        if step != self.step:
            self.step, self.value, self.count = step, 0.0, 0
        self.count += 1
        self.value += (value - self.value) / self.count
