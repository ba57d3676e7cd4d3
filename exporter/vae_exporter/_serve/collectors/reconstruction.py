"""What the outputs have kept of their inputs: blurred, gray and black video shows here, whatever the loss says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.facts import RunFacts


def collect(_settings: RunSettings, facts: RunFacts) -> Iterator[Metric]:
    """Yield sharpness, contrast and PSNR of the frames compared last, and the step that they were of."""
    last = facts.reconstruction
    for name, help_text, value in (
        (
            "vae_reconstruction_sharpness_ratio",
            "Root mean square of the gradient, outputs over inputs: 1 is faithful, 0 is blurred away.",
            last.sharpness_ratio,
        ),
        (
            "vae_reconstruction_contrast_ratio",
            "Standard deviation within a frame, outputs over inputs: 1 is faithful, 0 is black or gray.",
            last.contrast_ratio,
        ),
        ("vae_reconstruction_psnr_decibels", "Peak signal-to-noise ratio of the outputs.", last.psnr_decibels),
        ("vae_reconstruction_step", "The step at which frames were last compared.", last.step),
    ):
        if value is not None:
            yield GaugeMetricFamily(name, help_text, value=value)
