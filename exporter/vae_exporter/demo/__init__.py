"""A small video VAE, trained on the CPU, judged and paged about: what `vae-exporter demo` shows."""

from enum import Enum


class Scenario(str, Enum):
    """How the demo ends."""

    DIVERGE = "diverge"
    HEALTHY = "healthy"
