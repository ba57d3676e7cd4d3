"""What the reported NLL consists of: what makes it comparable with the bands, and its parts with it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import exp, inf, isfinite
from typing import TYPE_CHECKING, Any, Literal

from vae_exporter.vocabulary import COMPONENTS, NLL_PARTS

if TYPE_CHECKING:
    from collections.abc import Mapping

Distance = Literal["mse", "l1"]
Reduction = Literal["mean", "sum"]

STANDARD_WEIGHTS = {
    name: component.standard_weight for name, component in COMPONENTS.items() if component.standard_weight is not None
}
"""The weights of the loss that the default bands fit."""

LARGEST_LOGVAR = 700.0
"""The exponential of a larger one is no finite float."""

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "standard": {},
    "latent-diffusion": {"distance": "l1", "reduction": "sum", "rec_contains_perception": True},
    "diffusers": {"distance": "mse", "reduction": "sum", "rec_contains_perception": True},
    "vidtok": {"distance": "l1", "reduction": "sum", "rec_contains_perception": True},
    "open-sora": {"distance": "l1", "reduction": "sum", "rec_contains_perception": True},
    "open-sora-plan": {"distance": "l1", "reduction": "sum", "rec_contains_perception": True},
    "magvit2-pytorch": {"distance": "mse", "reduction": "mean"},
}
"""The losses of public trainers. docs/losses.md cites the code of each."""


@dataclass(frozen=True)
class LossDefinition:
    """How a trainer computes its NLL.

    Args:
        weights: the weight of each component, as far as the run declared them.
        distance: what *rec* is: the mean squared error, or the mean absolute error. None: not declared.
        reduction: whether the NLL is a mean over the elements of a sample, or their sum.
        elements: over how many elements of a sample (channels * frames * height * width) the sum goes.
        rec_contains_perception: whether *rec* already includes the weighted perceptual term, so that it cannot be told
            apart from it.
        has_own_edges: whether the run brought edges for its NLL: it is then judged as it is reported.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    distance: Distance | None = None
    reduction: Reduction = "mean"
    elements: int | None = None
    rec_contains_perception: bool = False
    has_own_edges: bool = False

    @cached_property
    def is_reweighted(self) -> bool:
        """Whether the parts are judged with the standard weights, since the run has others."""
        parts = {part: self.weights[part] for part in NLL_PARTS if part in self.weights}
        return (
            not self.has_own_edges
            and not self.rec_contains_perception
            and self.distance != "l1"
            and parts.keys() == STANDARD_WEIGHTS.keys()
            and parts != STANDARD_WEIGHTS
        )

    @property
    def judged(self) -> str:
        """What is judged, in the words of a formula."""
        if self.is_reweighted:
            return " + ".join(f"{weight:g} * {part}" for part, weight in STANDARD_WEIGHTS.items())
        return f"nll / {self._divisor}" if self._divisor != 1 else "nll"

    @property
    def has_standard_scale(self) -> bool:
        """Whether the default bands fit what is judged, as far as the declarations tell."""
        if self.has_own_edges or self.is_reweighted:
            return True
        if self.distance == "l1" or (self.reduction == "sum" and self.elements is None):
            return False
        parts = {part: weight for part, weight in self.weights.items() if part in NLL_PARTS}
        return parts == STANDARD_WEIGHTS or (not parts and not self.rec_contains_perception)

    @cached_property
    def needs(self) -> frozenset[str]:
        """The components that must be reported at a step for it to be judged."""
        return frozenset(STANDARD_WEIGHTS if self.is_reweighted else ("nll",))

    @property
    def part_weights(self) -> Mapping[str, float]:
        """The weight of each part in what is judged; empty if the parts cannot be told apart."""
        if self.is_reweighted:
            return STANDARD_WEIGHTS
        if self.rec_contains_perception:
            return {}
        return {part: self.weights[part] for part in NLL_PARTS if part in self.weights}

    @property
    def _divisor(self) -> int:
        return self.elements if self.reduction == "sum" and self.elements and not self.has_own_edges else 1

    def judge(self, values: Mapping[str, float], logvar: float) -> float | None:
        """Return the NLL that is judged at a step with these *values*; None if what it needs is missing.

        A learned *logvar* is taken out of it: (nll - logvar) * exp(logvar), for a mean over elements. It stays in a
        sum of unknown size.
        """
        if self.is_reweighted:
            if not STANDARD_WEIGHTS.keys() <= values.keys():
                return None
            return sum(weight * values[part] for part, weight in STANDARD_WEIGHTS.items())
        if "nll" not in values:
            return None
        return self._without_logvar(values["nll"], logvar)

    def balance(self, values: Mapping[str, float], logvar: float) -> tuple[float, float] | None:
        """Return the reported NLL at a step and what its weighted parts leave of it; None if that cannot be known."""
        weights = self._balanced
        if not weights or "nll" not in values or not weights.keys() <= values.keys():
            return None
        nll = self._without_logvar(values["nll"], logvar)
        if nll is None:
            return None
        return nll, nll - sum(weight * values[part] for part, weight in weights.items())

    @cached_property
    def _balanced(self) -> Mapping[str, float]:
        """The weights of the parts that add up to the NLL; empty if they cannot."""
        if self.rec_contains_perception:
            return {}
        return {part: self.weights[part] for part in NLL_PARTS if part in self.weights}

    def _without_logvar(self, nll: float, logvar: float) -> float | None:
        mean = nll / self._divisor
        if not logvar or (self.reduction == "sum" and self.elements is None):
            return mean
        unscaled = (mean - logvar) * exp(logvar) if logvar < LARGEST_LOGVAR else inf
        return unscaled if isfinite(unscaled) else None

    def with_weights(self, weights: Mapping[str, float]) -> LossDefinition:
        """Return the definition with these *weights* in place of those it has."""
        return replace(self, weights={**self.weights, **weights})
