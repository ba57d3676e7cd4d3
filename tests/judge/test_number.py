"""Test that numbers read like those in the alerts' texts."""

from __future__ import annotations

from math import inf, nan

import pytest

from vae_exporter.judge.number import figure, figures


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.5103, "0.51"),
        (0.16249, "0.162"),
        (0.0016, "0.0016"),
        (0, "0"),
        (12000, "12000"),
        (12000.4, "1.2e+04"),
        (1e308, "1e+308"),
        (-inf, "-inf"),
        (nan, "nan"),
    ],
)
def test_a_number_has_three_significant_digits_or_is_whole(value: float, expected: str) -> None:
    assert figure(value) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.5103, 0.17, 1200], ["0.51", "0.17", "1200"]),
        ([0.29984, 0.3], ["0.2998", "0.3"]),
        ([0.3, 0.3], ["0.3", "0.3"]),
        ([0.3, 0.3 + 1e-12], ["0.3", "0.3"]),
        ([], []),
    ],
)
def test_numbers_that_differ_look_different(values: list[float], expected: list[str]) -> None:
    assert figures(values) == expected
