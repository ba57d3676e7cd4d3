"""The training loop's body: one optimizer step on one new batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.utils import clip_grad_norm_

from vae_exporter.demo.clips import MovingShapes
from vae_exporter.demo.losses import Losses, vae_losses
from vae_exporter.demo.model import CausalVideoVae

if TYPE_CHECKING:
    from torch import Tensor

LEARNING_RATE = 1e-3

DIVERGING_LEARNING_RATE = 30 * LEARNING_RATE
"""Set at once on a trained model, it breaks the run for good. The NLL jumps above 4 within ten steps, and then
stays above 1.2, which is little better than showing every clip as the mean of all clips."""

# Adam undoes the scale of a gradient: this tames single outliers, not a learning rate that is too high.
_GRADIENT_NORM_MAX = 1.0


@dataclass(frozen=True)
class StepResult:
    """What one step gives to report. *gradient_norm* is a scalar tensor: the norm of all gradients before clipping.

    *inputs* and *outputs* are the batch and its reconstruction: ``(B, 3, T, H, W)``, the inputs in [-1, 1].
    """

    losses: Losses
    learning_rate: float
    gradient_norm: Tensor
    inputs: Tensor
    outputs: Tensor


class Training:
    """A VAE in training on generated clips. On one machine, the same *seed* and number of threads give the same run."""

    def __init__(self, seed: int = 0) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = CausalVideoVae()
        self._generator = torch.Generator().manual_seed(seed)
        self._clips = MovingShapes(self._generator)
        self._probe = MovingShapes(torch.Generator().manual_seed(seed + 1)).batch()
        self._optimizer = torch.optim.Adam(self.model.parameters(), lr=LEARNING_RATE)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step. It may be set at any time."""
        return float(self._optimizer.param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._optimizer.param_groups[0]["lr"] = value

    def step(self) -> StepResult:
        """Train on the next batch. The tensors of the result are without a graph; none has been read."""
        inputs = self._clips.batch()
        posterior = self.model.encode(inputs)
        outputs = self.model.decode(posterior.sample(self._generator))
        losses = vae_losses(inputs, outputs, posterior)
        self._optimizer.zero_grad()
        losses.total.backward()  # type: ignore[no-untyped-call]
        gradient_norm = clip_grad_norm_(self.model.parameters(), _GRADIENT_NORM_MAX)
        self._optimizer.step()
        return StepResult(losses.detach(), self.learning_rate, gradient_norm, inputs, outputs.detach())

    @torch.no_grad()
    def probe(self) -> Losses:
        """Return the losses on one fixed batch, which is never trained on: they move with the model alone."""
        posterior = self.model.encode(self._probe)
        return vae_losses(self._probe, self.model.decode(posterior.mean), posterior)
