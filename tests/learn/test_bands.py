"""The edges that a good run gives are the defaults at another scale."""

from __future__ import annotations

import pytest

from vae_exporter._process.settings import check_settings
from vae_exporter.learn.bands import default_edges, learned
from vae_exporter.learn.good_run import GoodRun, LearnError
from vae_exporter.learn.noise import Noise, noise_of
from vae_exporter.stack.curve import Curve
from vae_rules.constants import EDGES

DEFAULTS = EDGES["nll"]


def good_run(held: float | None, short_means: Curve = Curve()) -> GoodRun:  # noqa: B008 - it is frozen
    return GoodRun("good", "good.log", held, held, 100, short_means)


def by_step(values: list[float], apart: int = 10) -> Curve:
    return Curve(tuple(float(apart * index) for index in range(len(values))), tuple(values))


def test_the_default_edges_are_those_of_the_shipped_rules() -> None:
    assert list(default_edges().items()) == list(DEFAULTS.items())


def test_each_edge_keeps_its_ratio_to_the_others_and_the_level_is_in_the_middle_of_golden() -> None:
    edges = learned(good_run(1.5), DEFAULTS)["band_edges"]["nll"]
    assert edges == pytest.approx({name: 10 * edge for name, edge in DEFAULTS.items()})


def test_the_content_says_how_it_was_derived_and_can_be_used() -> None:
    content = learned(good_run(0.0016, by_step([0.0016, 0.0018] * 20)), DEFAULTS)
    assert content["derived"] == (
        "Run good (good.log) held the level 0.0016. Each edge is 0.01067 times the default, so this level is the "
        "middle of golden, which is 0.15 by default."
    )
    assert content["level"] == 0.0016
    assert content["noise"] == {"spread": 0.0598, "correlation": -0.967}
    settings = check_settings(
        run="r",
        rank=0,
        loss_weights=None,
        band_edges=content["band_edges"],
        info=None,
        outputs_url=None,
        start_step=None,
    )
    assert settings.band_edges["nll", "bad"] == 0.0032


def test_a_run_that_held_no_level_is_refused() -> None:
    with pytest.raises(LearnError, match=r"run good \(good.log\) held no level: .* 300 steps; learn from a longer run"):
        learned(good_run(None), DEFAULTS)


def test_a_level_below_zero_is_refused() -> None:
    with pytest.raises(LearnError, match=r"held the level -0.2, and edges must be above 0"):
        learned(good_run(-0.2), DEFAULTS)


class TestNoise:
    def test_a_constant_loss_has_none(self) -> None:
        assert noise_of(by_step([0.2] * 5), 10) == Noise(0.0, 0.0)

    def test_two_means_do_not_tell(self) -> None:
        assert noise_of(by_step([0.2, 0.3]), 10) is None

    def test_the_spread_is_a_share_of_the_mean(self) -> None:
        noise = noise_of(by_step([0.1, 0.2, 0.3]), 10)
        assert noise is not None
        assert noise.spread == pytest.approx(0.5)

    def test_means_whose_windows_overlap_are_left_out(self) -> None:
        noise = noise_of(by_step([0.1, 0.1, 0.2, 0.2, 0.3, 0.3], apart=5), 10)
        assert noise == noise_of(by_step([0.1, 0.2, 0.3]), 10)

    def test_only_the_newest_means_count(self) -> None:
        assert noise_of(by_step([8.0] * 50 + [0.2] * 30), 10) == Noise(0.0, 0.0)

    def test_values_that_stay_on_one_side_for_long_are_correlated(self) -> None:
        noise = noise_of(by_step([0.1] * 15 + [0.3] * 15), 10)
        assert noise is not None
        assert noise.correlation == pytest.approx(0.9)
