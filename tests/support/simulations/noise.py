"""Noise of a loss from step to step: positive factors with mean 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_OUTLIERS = 0.01


@dataclass(frozen=True)
class Noise:
    """Multiplicative noise, log-normal.

    Args:
        spread: The standard deviation over the mean.
        correlation: The correlation of consecutive steps, in the logarithm.
        outliers: Whether one step in a hundred is several times as high, as with a hard clip.
    """

    spread: float
    correlation: float = 0.0
    outliers: bool = False

    def factors(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Return *count* factors."""
        sigma = np.sqrt(np.log(1 + self.spread**2))
        shocks = rng.normal(size=count)
        if self.correlation:
            innovation = np.sqrt(1 - self.correlation**2)
            for index in range(1, count):
                shocks[index] = self.correlation * shocks[index - 1] + innovation * shocks[index]
        if self.outliers:
            shocks += (rng.random(count) < _OUTLIERS) * rng.exponential(2.0, count) / max(sigma, 0.1)
        return np.asarray(np.exp(sigma * shocks - sigma**2 / 2))

    def __str__(self) -> str:
        correlated = f", correlation {self.correlation:g}" if self.correlation else ""
        return f"noise {self.spread:.0%}{correlated}{', outliers' if self.outliers else ''}"


DENSE = (Noise(0.1), Noise(0.4), Noise(0.75), Noise(0.4, outliers=True))
CORRELATED = (Noise(0.1, 0.9), Noise(0.4, 0.5), Noise(0.4, 0.9))
STRONGLY_CORRELATED = (Noise(0.4, 0.97), Noise(0.4, 0.99))
