"""`vae-exporter demo`: train a small video VAE on the CPU, judge it, and page when it diverges."""

from enum import Enum


class Scenario(str, Enum):
    """How the demo ends."""

    DIVERGE = "diverge"
    HEALTHY = "healthy"
