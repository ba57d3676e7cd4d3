"""A callback for the trainer of ``lightning``."""

from __future__ import annotations

from lightning.pytorch import Callback

from vae_exporter.integrations.lightning_hooks import LightningHooks


class VaeExporterCallback(LightningHooks, Callback):
    """Export what a LightningModule of ``lightning`` logs. `LightningHooks` describes it and its arguments."""
