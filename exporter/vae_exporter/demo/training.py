"""One optimizer step on one new batch: the body of the training loop."""

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
"""A learning rate that a trained model does not recover from. The NLL jumps above 4 within ten steps and then stays
above 1.2, hardly better than reconstructing every clip as the mean of all clips."""

# Adam is invariant to the scale of the gradients: clipping tames outliers, not a learning rate that is too high.
_GRADIENT_NORM_MAX = 1.0


@dataclass(frozen=True)
class StepResult:
    """The values that one step reports.

    *gradient_norm* is a scalar tensor, the norm of all gradients before clipping. *inputs* and *outputs* are the batch
    and its reconstruction, ``(B, 3, T, H, W)``. The inputs are in [-1, 1].
    """

    losses: Losses
    learning_rate: float
    gradient_norm: Tensor
    inputs: Tensor
    outputs: Tensor


class Training:
    """A VAE in training on generated clips.

    On one machine, runs with the same *seed* and number of threads are identical.
    """

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
        """The learning rate of the next step. You can set it at any time."""
        return float(self._optimizer.param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._optimizer.param_groups[0]["lr"] = value

    def step(self) -> StepResult:
        """Train on the next batch. The tensors in the result are detached."""
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
        """Return the losses on a fixed batch that is never trained on. They change only with the model."""
        posterior = self.model.encode(self._probe)
        return vae_losses(self._probe, self.model.decode(posterior.mean), posterior)
