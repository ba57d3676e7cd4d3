"""The examples, run unchanged and scraped while they run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from children import child, line_of
from deadline import wait_until
from http_get import get
from prometheus_client.parser import text_string_to_metric_families

EXAMPLES = Path(__file__).parents[1] / "examples"

STEPS = 70


class Metrics:
    """The metrics of one scrape."""

    def __init__(self, text: str) -> None:
        self._samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def value(self, name: str, **labels: str) -> float | None:
        """Return the value of the only series with *labels*, or None if there is none."""
        values = [
            sample.value for sample in self._samples if sample.name == name and labels.items() <= sample.labels.items()
        ]
        assert len(values) <= 1, f"{name}{labels} is {len(values)} series"
        return values[0] if values else None

    def total(self, name: str) -> float:
        """Return the sum over all series of *name*."""
        return sum(sample.value for sample in self._samples if sample.name == name)


AS_PROMETHEUS = {"X-Prometheus-Scrape-Timeout-Seconds": "10"}
"""What tells a scraper, for which a run waits at its end, from a person."""


def run_example(name: str) -> Metrics:
    """Run an example to its end, and return the last scrape. A run waits for it at its end."""
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), f"--steps={STEPS}", "--port=0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    scrapes: list[str] = []
    with child(command, seconds=120, env=environment, stdout=subprocess.PIPE) as process:
        url = line_of(process).removeprefix("metrics: ").strip()

        def is_gone() -> bool:
            try:
                scrapes.append(get(url, **AS_PROMETHEUS).text)
            except OSError:
                return True
            return False

        wait_until(is_gone, f"{name} ends", seconds=60)
        process.communicate(timeout=10)
        assert process.returncode == 0
    assert scrapes
    return Metrics(scrapes[-1])


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_an_example_exports_its_losses_and_that_it_finished(name: str) -> None:
    metrics = run_example(name)

    assert metrics.value("vae_run_state", state="finished") == 1
    assert metrics.value("vae_step") == STEPS - 1
    assert metrics.value("vae_steps_total") == STEPS
    for component in ("nll", "rec", "perception", "kl", "total"):
        last = metrics.value("vae_loss", component=component, split="train")
        start = metrics.value("vae_loss_start", component=component)
        assert last is not None
        assert start is not None
        assert component == "kl" or last < start, component
    assert metrics.value("vae_learning_rate") == 2e-3
    assert metrics.total("vae_exporter_dropped_observations_total") == 0
    assert metrics.total("vae_exporter_errors_total") == 0
    assert metrics.total("vae_nonfinite_losses_total") == 0
    CHECKS[name](metrics)


def plain_loop(metrics: Metrics) -> None:
    assert metrics.value("vae_loss", component="nll", split="validation") is not None
    assert metrics.value("vae_gradient_norm") is not None
    sharpness = metrics.value("vae_reconstruction_sharpness_ratio")
    assert sharpness is not None
    assert metrics.value("vae_reconstruction_step") == 0


def accumulation_amp(metrics: Metrics) -> None:
    """The scaler starts with a scale that is too high, and halves it at each skipped step."""
    skipped = metrics.value("vae_steps_skipped_total")
    assert skipped
    assert metrics.value("vae_loss_scale") == 2**20 / 2**skipped


def gan(metrics: Metrics) -> None:
    assert metrics.value("vae_loss", component="generator", split="train") is not None
    assert metrics.value("vae_loss", component="discriminator", split="train") is not None
    assert metrics.value("vae_discriminator_factor") == 1


def metric_logger(metrics: Metrics) -> None:
    assert metrics.value("vae_loss", component="nll", split="validation") is None


CHECKS = {check.__name__: check for check in (plain_loop, accumulation_amp, gan, metric_logger)}
