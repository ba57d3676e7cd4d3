"""The checks of a training, with the CPU as the device."""

from __future__ import annotations

import pytest
import torch

from vae_exporter.doctor.gpu import scrape_time, step_cost
from vae_exporter.doctor.gpu.training import DeviceTraining


@pytest.fixture
def training() -> DeviceTraining:
    return DeviceTraining(torch.device("cpu"), batch=(1, 3, 2, 16, 16), channels=4)


def test_the_cost_of_a_step_is_measured_with_and_without_the_exporter(training: DeviceTraining) -> None:
    without, observed, ratio, calls = step_cost.compare(training, rounds=2, steps=5)
    of = [float(finding.figure.removesuffix(" ms")) for finding in (without, observed, ratio)]
    assert of[2] == pytest.approx(of[1] / of[0], rel=0.01)
    assert ratio.passed is (of[2] <= step_cost.MOST_RATIO)
    assert "median" in calls.figure


def test_scrapes_are_timed_while_the_training_runs(training: DeviceTraining) -> None:
    (finding,) = scrape_time.measure(training, 20)
    assert finding.what.startswith("20 scrapes of ")
    assert finding.passed
