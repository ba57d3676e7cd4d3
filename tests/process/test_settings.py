"""Which settings of a run are valid, and what the error message is for the others."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vae_exporter._process.arguments import suggestion
from vae_exporter._process.loss_definition import LossDefinition
from vae_exporter._process.settings import (
    MAX_INFO_LABELS,
    MAX_TEXT,
    RunSettings,
    exit_codes,
    gpu_choice,
    sample_seconds,
    seconds,
)
from vae_exporter.errors import SettingsError
from vae_exporter.vocabulary import BAND_EDGES, COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeSettings = Callable[..., RunSettings]

NLL_EDGES = dict(zip(BAND_EDGES["nll"], [0.05, 0.12, 0.14, 0.16, 0.18, 0.25, 0.30, 0.40], strict=True))


class TestValidSettings:
    def test_only_a_run_is_required(self, make_settings: MakeSettings) -> None:
        assert make_settings(run="bs4") == RunSettings("bs4", 0, {}, {}, {}, None)

    def test_all_settings_together(self, make_settings: MakeSettings) -> None:
        assert make_settings(
            run='a "run" of\nmany words, даже такой',
            rank=3,
            loss_weights={"rec": 10, "perception": 1, "kl": 1e-4},
            band_edges={"rec": {"max": 0.3, "min": 0.05}, "sharpness": {"min": 0.5}},
            info={"model": "causal-vae", "batch_size": 4, "ema": True},
            outputs_url="https://example.com/samples?run=bs4",
            start_step=5000,
        ) == RunSettings(
            run='a "run" of\nmany words, даже такой',
            rank=3,
            loss_weights={"rec": 10.0, "perception": 1.0, "kl": 1e-4},
            band_edges={("rec", "min"): 0.05, ("rec", "max"): 0.3, ("sharpness", "min"): 0.5},
            info={
                "model": "causal-vae",
                "batch_size": "4",
                "ema": "True",
                "outputs_url": "https://example.com/samples?run=bs4",
            },
            start_step=5000,
            definition=LossDefinition(weights={"rec": 10.0, "perception": 1.0, "kl": 1e-4}),
        )

    def test_numpy_numbers_are_numbers(self, make_settings: MakeSettings) -> None:
        settings = make_settings(rank=np.int64(3), start_step=np.int32(7), loss_weights={"rec": np.float32(0.5)})
        assert repr((settings.rank, settings.start_step, settings.loss_weights)) == "(3, 7, {'rec': 0.5})"

    @pytest.mark.parametrize("url", ["https://me:secret@host/samples", "s3://key@bucket"])
    def test_outputs_url_must_not_have_credentials(self, make_settings: MakeSettings, url: str) -> None:
        with pytest.raises(SettingsError, match="outputs_url must not have a user or a password") as raised:
            make_settings(outputs_url=url)
        assert "secret" not in str(raised.value)

    @pytest.mark.parametrize("url", ["http://host", "https://host:8080/a/b?c=d#e", "s3://bucket/key", "file:///out"])
    def test_outputs_url_may_have_any_scheme(self, make_settings: MakeSettings, url: str) -> None:
        assert make_settings(outputs_url=url).info == {"outputs_url": url}

    def test_edges_may_come_in_any_order(self, make_settings: MakeSettings) -> None:
        edges = make_settings(band_edges={"nll": dict(reversed(NLL_EDGES.items()))}).band_edges
        assert list(edges.items()) == [(("nll", edge), value) for edge, value in NLL_EDGES.items()]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"run": 7}, "run must be a string, got 7"),
        ({"run": None}, "run must be a string, got None"),
        ({"run": " \n"}, r"run must not be empty, got ' \n': give a text that identifies this run"),
        ({"run": "\ud800"}, r"run must be valid Unicode, got '\ud800': surrogates not allowed"),
        (
            {"run": "x" * 201},
            f"run must have at most {MAX_TEXT} characters, got 201 ('{'x' * 40}'...): shorten it",
        ),
        ({"rank": -1}, "rank must be a whole number, 0 or more, got -1"),
        ({"rank": 1.0}, "rank must be a whole number, 0 or more, got 1.0"),
        ({"rank": True}, "rank must be a whole number, 0 or more, got True"),
        ({"rank": "1"}, "rank must be a whole number, 0 or more, got '1'"),
        ({"start_step": -5}, "start_step must be a whole number, 0 or more, got -5"),
        ({"start_step": 5.5}, "start_step must be a whole number, 0 or more, got 5.5"),
        ({"loss_weights": [10, 1]}, "loss_weights must be a dictionary, got [10, 1]"),
        ({"loss_weights": {"recon": 10}}, "loss_weights has an unknown component, 'recon': did you mean 'rec'?"),
        (
            {"loss_weights": {7: 10}},
            f"loss_weights has an unknown component, 7: expected one of {', '.join(COMPONENTS)}",
        ),
        ({"loss_weights": {"rec": "10"}}, "loss_weights['rec'] must be a finite number, got '10'"),
        ({"loss_weights": {"rec": math.nan}}, "loss_weights['rec'] must be a finite number, got nan"),
        ({"loss_weights": {"rec": True}}, "loss_weights['rec'] must be a finite number, got True"),
        ({"band_edges": 0.3}, "band_edges must be a dictionary or the path of a file, got 0.3"),
        ({"band_edges": {"nl": {}}}, "band_edges has an unknown signal, 'nl': did you mean 'nll'?"),
        ({"band_edges": {"perception": 0.3}}, "band_edges['perception'] must be a dictionary, got 0.3"),
        ({"band_edges": {"rec": {"maxi": 1}}}, "band_edges['rec'] has an unknown edge, 'maxi': did you mean 'max'?"),
        ({"band_edges": {"rec": {"max": 1}}}, "band_edges['rec'] must have all of its edges or none, missing: min"),
        ({"band_edges": {"rec": {}}}, "band_edges['rec'] must have all of its edges or none, missing: min, max"),
        (
            {"band_edges": {"rec": {"min": 0.1, "max": math.inf}}},
            "band_edges['rec']['max'] must be a finite number, got inf",
        ),
        (
            {"band_edges": {"rec": {"min": 0.0, "max": 0.1}}},
            "band_edges['rec']['min'] must be above 0, because the rules compare ratios, got 0.0",
        ),
        (
            {"band_edges": {"rec": {"min": 0.1, "max": 0.1}}},
            "band_edges['rec'] must ascend (min < max), got min=0.1 and max=0.1",
        ),
        (
            {"band_edges": {"nll": {**NLL_EDGES, "bad": 0.2}}},
            f"band_edges['nll'] must ascend ({' < '.join(NLL_EDGES)}), got good_max=0.25 and bad=0.2",
        ),
        ({"info": "model"}, "info must be a dictionary, got 'model'"),
        (
            {"info": {f"label_{number}": 1 for number in range(17)}},
            f"info must have at most {MAX_INFO_LABELS} entries, got 17: keep those that distinguish runs",
        ),
        *(
            (
                {"info": {name: 1}},
                (
                    "info keys must consist of letters, digits and underscores, must not start with a digit or two "
                    f"underscores, and must have at most 100 characters, got {name!r}"
                ),
            )
            for name in ("batch-size", "", "4k", "__name__", "größe", "a\n", 7)
        ),
        *(
            (
                {"info": {name: 1}},
                f"info must not have the key {name!r}, which the exporter or Prometheus uses: rename it",
            )
            for name in ("run", "rank", "outputs_url", "instance", "job", "le", "quantile")
        ),
        (
            {"info": {"model": ""}},
            "info['model'] must not be empty, got '': give a text that identifies this run",
        ),
        (
            {"info": {"model": "x" * 300}},
            f"info['model'] must have at most {MAX_TEXT} characters, got 300 ('{'x' * 40}'...): shorten it",
        ),
        *(
            (
                {"outputs_url": url},
                f"outputs_url must be a URL without spaces, such as https://host/samples, got {url!r}",
            )
            for url in ("", "samples", "/out", "https://", "https://a b", 'https://a"b', "https://a\nb", 7)
        ),
        (
            {"outputs_url": "https://" + "x" * 200},
            f"outputs_url must have at most {MAX_TEXT} characters, got 208 ('https://{'x' * 32}'...): shorten it",
        ),
    ],
)
def test_an_invalid_setting_raises_an_error_that_names_the_fix(
    make_settings: MakeSettings, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        make_settings(**given)
    assert str(raised.value) == message


def test_a_settings_error_is_a_value_error(make_settings: MakeSettings) -> None:
    with pytest.raises(ValueError, match="run must not be empty, got ''"):
        make_settings(run="")


@pytest.mark.parametrize("value", [0, 30, 0.5, threading.TIMEOUT_MAX])
def test_a_valid_number_of_seconds(value: float) -> None:
    assert seconds("linger_seconds", value) == value


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, 1e300, "30", None, True])
def test_an_invalid_number_of_seconds(value: object) -> None:
    with pytest.raises(SettingsError) as raised:
        seconds("linger_seconds", value)
    assert str(raised.value) == f"linger_seconds must be a number of seconds, 0 or more, got {value!r}"


@pytest.mark.parametrize(
    ("gpus", "expected"),
    [("own", "own"), ("all", "all"), (None, None), (False, None)],
    ids=["own", "all", "None", "False"],
)
def test_a_valid_gpu_choice(gpus: object, expected: str | None) -> None:
    assert gpu_choice(gpus) == expected


@pytest.mark.parametrize("gpus", ["mine", "OWN", "", True, 0, [0], "x" * 200])
def test_an_invalid_gpu_choice(gpus: object) -> None:
    with pytest.raises(SettingsError) as raised:
        gpu_choice(gpus)
    expected = (
        f"gpus must be 'own' (the GPUs of this process), 'all' (the GPUs of the machine) or False, got {gpus!r:.80}"
    )
    assert str(raised.value) == expected


@pytest.mark.parametrize("value", [0.1, 5, 60])
def test_a_valid_sampling_interval(value: float) -> None:
    assert sample_seconds(value) == value


@pytest.mark.parametrize("value", [0, 0.05, 60.1, -1, math.nan, math.inf, "5", None, True])
def test_an_invalid_sampling_interval(value: object) -> None:
    with pytest.raises(SettingsError) as raised:
        sample_seconds(value)
    assert str(raised.value) == f"gpu_sample_seconds must be between 0.1 and 60 seconds, got {value!r}"


def test_a_suggestion_is_the_closest_name_or_else_all_names() -> None:
    assert suggestion("percepton", ["nll", "perception"]) == "did you mean 'perception'?"
    assert suggestion("x", ["nll", "perception"]) == "expected one of nll, perception"


@pytest.mark.parametrize("given", [(), [-1], {0, 3}])
def test_exit_codes_are_whole_numbers(given: Any) -> None:  # noqa: ANN401 - what a user gives
    assert exit_codes(given) == set(given)


@pytest.mark.parametrize(("given", "shown"), [(-1, "-1"), ("1", "'1'"), (["a"], "'a' in it"), ([True], "True in it")])
def test_what_is_no_list_of_exit_codes_is_a_clear_error(given: object, shown: str) -> None:
    with pytest.raises(SettingsError) as raised:
        exit_codes(given)
    assert str(raised.value) == f"orderly_exit_codes must be a list of whole numbers, got {shown}"
