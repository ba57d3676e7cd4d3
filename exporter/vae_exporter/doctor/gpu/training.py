"""A training that keeps a device busy: the VAE of the demo, widened."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from vae_exporter.demo.losses import Losses, vae_losses
from vae_exporter.demo.model import CausalVideoVae

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BATCH = (4, 3, 9, 256, 256)
"""The shape of a batch: clips, channels, frames, height and width."""

CHANNELS = 96


class DeviceTraining:
    """A VAE in training on one batch of noise, all on *device*. No step waits for the device."""

    def __init__(self, device: torch.device, *, batch: tuple[int, ...] = BATCH, channels: int = CHANNELS) -> None:
        self.device = device
        self._clips = torch.rand(batch, device=device) * 2 - 1
        self._model = CausalVideoVae(channels=channels).to(device)
        self._optimizer = torch.optim.Adam(self._model.parameters(), lr=1e-4)

    def step(self) -> Losses:
        """Train for one step. The losses are detached tensors on the device."""
        posterior = self._model.encode(self._clips)
        noise = torch.randn_like(posterior.mean)
        outputs = self._model.decode(posterior.mean + torch.exp(0.5 * posterior.logvar) * noise)
        losses = vae_losses(self._clips, outputs, posterior)
        self._optimizer.zero_grad()
        losses.total.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return losses.detach()

    def synchronize(self) -> None:
        """Wait until the device has finished all steps."""
        module: Any = getattr(torch, self.device.type)
        module.synchronize()


def values_of(losses: Losses) -> dict[str, torch.Tensor]:
    """Return *losses* as the keywords of `TrainingExporter.observe`."""
    return dict(vars(losses))


@contextmanager
def in_background(step: Callable[[], object]) -> Iterator[None]:
    """Call *step* in a thread, again and again, until the block ends."""
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            step()

    thread = threading.Thread(target=run, name="doctor-training", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
