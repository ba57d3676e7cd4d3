"""The mean of a few floats."""

from __future__ import annotations

import sys

import pytest

from vae_exporter._record.mean import mean, weighted_mean

LARGEST = sys.float_info.max


@pytest.mark.parametrize("count", range(1, 10))
def test_the_mean_of_the_largest_floats_is_a_float(count: int) -> None:
    assert mean([LARGEST] * count) == LARGEST
    assert mean([LARGEST] * count + [-LARGEST] * count) == 0.0


def test_the_weighted_mean_of_the_largest_floats_is_a_float() -> None:
    for weights in ([1, 1, 1], [3, 1, 3], [7, 2, 1]):
        assert weighted_mean([LARGEST] * 3, weights) == pytest.approx(LARGEST)


def test_each_value_counts_as_often_as_its_weight_says() -> None:
    assert weighted_mean([1.0, 4.0], [2, 1]) == mean([1.0, 1.0, 4.0]) == 2.0
