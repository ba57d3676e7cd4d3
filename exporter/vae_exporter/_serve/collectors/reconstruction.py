"""The metrics of reconstruction quality. They expose blurred, gray or black video that the loss does not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.facts import RunFacts


def collect(_settings: RunSettings, facts: RunFacts) -> Iterator[Metric]:
    """Yield sharpness, contrast and PSNR of the last comparison, and its step."""
    last = facts.reconstruction
    for name, help_text, value in (
        (
            "vae_reconstruction_sharpness_ratio",
            "RMS image gradient of the outputs relative to the inputs. 1 is as sharp, 0 is no detail.",
            last.sharpness_ratio,
        ),
        (
            "vae_reconstruction_contrast_ratio",
            "Standard deviation within a frame, outputs relative to inputs. 1 is equal, 0 is a uniform frame.",
            last.contrast_ratio,
        ),
        (
            "vae_reconstruction_psnr_decibels",
            "Peak signal-to-noise ratio of the outputs in decibels.",
            last.psnr_decibels,
        ),
        ("vae_reconstruction_step", "The step of the last comparison of reconstructions.", last.step),
    ):
        if value is not None:
            yield GaugeMetricFamily(name, help_text, value=value)
