from __future__ import annotations

import math

import pytest
import torch

from vae_exporter._record.recorder import Recorder
from vae_exporter._record.user_gauges import MOST_GAUGES


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_the_last_finite_value_of_each_gauge_is_kept(recorder: Recorder) -> None:
    recorder.gauge("psnr", 30)
    recorder.gauge("psnr", torch.tensor(31.5))
    recorder.gauge("val/ssim", 0.75)
    recorder.gauge("val/ssim", math.nan)
    assert recorder.facts().user_gauges == {"psnr": 31.5, "val/ssim": 0.75}


def test_a_gauge_is_no_step(recorder: Recorder) -> None:
    recorder.gauge("psnr", 30)
    assert recorder.facts().steps.newest is None
    assert recorder.facts().steps.observed == 0


@pytest.mark.parametrize("name", ["", "1st", "a b", "ä", "x" * 65, 'a"b', 7, None])
def test_an_invalid_name_is_counted(recorder: Recorder, name: object) -> None:
    recorder.gauge(name, 1.0)  # type: ignore[arg-type]
    assert recorder.facts().user_gauges == {}
    assert recorder.facts().dropped["invalid"] == 1


def test_the_number_of_names_is_bounded(recorder: Recorder) -> None:
    for number in range(MOST_GAUGES + 5):
        recorder.gauge(f"gauge{number}", 1.0)
        recorder.gauge("gauge0", number)
    assert len(recorder.facts().user_gauges) == MOST_GAUGES
    assert recorder.facts().user_gauges["gauge0"] == MOST_GAUGES + 4
    assert recorder.facts().dropped["invalid"] == 5


def test_a_gauge_after_the_end_is_counted(recorder: Recorder) -> None:
    recorder.end("finished")
    recorder.gauge("psnr", 30)
    assert recorder.facts().dropped["closed"] == 1
