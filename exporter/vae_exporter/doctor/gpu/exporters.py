"""The exporter under test."""

from __future__ import annotations

from vae_exporter.training_exporter import TrainingExporter


def local_exporter(*, gpus: str = "own", gpu_sample_seconds: float = 0.2) -> TrainingExporter:
    """Return an exporter on any free port that reads the GPUs often and does not wait for a last scrape."""
    return TrainingExporter(
        "doctor", rank=0, port=0, linger_seconds=0, gpus=gpus, gpu_sample_seconds=gpu_sample_seconds
    )
