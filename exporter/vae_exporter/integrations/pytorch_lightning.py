"""A callback for the trainer of ``pytorch_lightning``."""

from __future__ import annotations

from pytorch_lightning import Callback

from vae_exporter.integrations.lightning_hooks import LightningHooks


class VaeExporterCallback(LightningHooks, Callback):
    """Export what a LightningModule of ``pytorch_lightning`` logs. `LightningHooks` describes it and its arguments."""
