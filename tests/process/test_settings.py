"""What a user may tell of a run, and what is said of what may not be told."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vae_exporter._process.settings import (
    MAX_INFO_LABELS,
    MAX_TEXT,
    RunSettings,
    check_settings,
    gpu_choice,
    sample_seconds,
    seconds,
    suggestion,
    whole_port,
)
from vae_exporter.errors import SettingsError
from vae_exporter.vocabulary import BAND_EDGES, COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeSettings = Callable[..., RunSettings]

NLL_EDGES = dict(zip(BAND_EDGES["nll"], [0.05, 0.12, 0.14, 0.16, 0.18, 0.25, 0.30, 0.40], strict=True))


class TestGood:
    def test_the_least(self, make_settings: MakeSettings) -> None:
        assert make_settings(run="bs4") == RunSettings("bs4", 0, {}, {}, {}, None)

    def test_the_most(self, make_settings: MakeSettings) -> None:
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
        )

    def test_numpy_numbers_are_numbers(self, make_settings: MakeSettings) -> None:
        settings = make_settings(rank=np.int64(3), start_step=np.int32(7), loss_weights={"rec": np.float32(0.5)})
        assert repr((settings.rank, settings.start_step, settings.loss_weights)) == "(3, 7, {'rec': 0.5})"

    @pytest.mark.parametrize("url", ["http://host", "https://host:8080/a/b?c=d#e", "s3://bucket/key", "file:///out"])
    def test_an_address_is_of_any_scheme(self, make_settings: MakeSettings, url: str) -> None:
        assert make_settings(outputs_url=url).info == {"outputs_url": url}

    def test_all_edges_of_a_signal(self, make_settings: MakeSettings) -> None:
        edges = make_settings(band_edges={"nll": dict(reversed(NLL_EDGES.items()))}).band_edges
        assert list(edges.items()) == [(("nll", edge), value) for edge, value in NLL_EDGES.items()]


class TestRank:
    @pytest.mark.parametrize(
        ("environment", "rank"),
        [
            ({}, 0),
            ({"RANK": "3"}, 3),
            ({"SLURM_PROCID": "5"}, 5),
            ({"RANK": "3", "SLURM_PROCID": "5"}, 3),
            ({"RANK": "", "SLURM_PROCID": "5"}, 5),
            ({"LOCAL_RANK": "7"}, 0),
        ],
        ids=str,
    )
    def test_it_comes_from_the_launcher(
        self, make_settings: MakeSettings, environment: dict[str, str], rank: int
    ) -> None:
        assert make_settings(environment=environment).rank == rank

    def test_the_one_given_wins(self, make_settings: MakeSettings) -> None:
        assert make_settings(rank=0, environment={"RANK": "3"}).rank == 0

    @pytest.mark.parametrize("text", ["-1", "one", "1.5", " "])
    def test_a_launcher_that_says_no_number(self, make_settings: MakeSettings, text: str) -> None:
        with pytest.raises(SettingsError) as raised:
            make_settings(environment={"RANK": text})
        assert str(raised.value) == f"RANK={text!r} in the environment is no rank: give rank=0, 1, 2, ..."

    def test_the_process_environment_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RANK", "6")
        settings = check_settings(
            run="r", rank=None, loss_weights=None, band_edges=None, info=None, outputs_url=None, start_step=None
        )
        assert settings.rank == 6


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"run": 7}, "run=7 is no string: give one"),
        ({"run": None}, "run=None is no string: give one"),
        ({"run": " \n"}, r"run=' \n' is empty: give a text that tells this run from others"),
        ({"run": "\ud800"}, r"run='\ud800' is not valid Unicode: surrogates not allowed"),
        ({"run": "x" * 201}, f"run has 201 characters ('{'x' * 40}'...): give {MAX_TEXT} at most"),
        ({"rank": -1}, "rank=-1 is no whole number: give 0, 1, 2, ..."),
        ({"rank": 1.0}, "rank=1.0 is no whole number: give 0, 1, 2, ..."),
        ({"rank": True}, "rank=True is no whole number: give 0, 1, 2, ..."),
        ({"rank": "1"}, "rank='1' is no whole number: give 0, 1, 2, ..."),
        ({"start_step": -5}, "start_step=-5 is no whole number: give 0, 1, 2, ..."),
        ({"start_step": 5.5}, "start_step=5.5 is no whole number: give 0, 1, 2, ..."),
        ({"loss_weights": [10, 1]}, "loss_weights=[10, 1] is no dictionary: give one"),
        ({"loss_weights": {"recon": 10}}, "loss_weights['recon'] is no loss: did you mean 'rec'?"),
        (
            {"loss_weights": {7: 10}},
            f"loss_weights[7] is no loss: known: {', '.join(COMPONENTS)}",
        ),
        ({"loss_weights": {"rec": "10"}}, "loss_weights['rec']='10' is no finite number: give a float"),
        ({"loss_weights": {"rec": math.nan}}, "loss_weights['rec']=nan is no finite number: give a float"),
        ({"loss_weights": {"rec": True}}, "loss_weights['rec']=True is no finite number: give a float"),
        ({"band_edges": 0.3}, "band_edges=0.3 is no dictionary: give one"),
        ({"band_edges": {"nl": {}}}, "band_edges['nl'] is no signal: did you mean 'nll'?"),
        ({"band_edges": {"perception": 0.3}}, "band_edges['perception']=0.3 is no dictionary: give one"),
        ({"band_edges": {"rec": {"maxi": 1}}}, "band_edges['rec']['maxi'] is no edge: did you mean 'max'?"),
        ({"band_edges": {"rec": {"max": 1}}}, "band_edges['rec'] lacks min: give all of its edges, or none"),
        ({"band_edges": {"rec": {}}}, "band_edges['rec'] lacks min, max: give all of its edges, or none"),
        (
            {"band_edges": {"rec": {"min": 0.1, "max": math.inf}}},
            "band_edges['rec']['max']=inf is no finite number: give a float",
        ),
        (
            {"band_edges": {"rec": {"min": 0.1, "max": 0.1}}},
            "band_edges['rec']: min=0.1 is not below max=0.1: edges ascend, min < max",
        ),
        (
            {"band_edges": {"nll": {**NLL_EDGES, "bad": 0.2}}},
            f"band_edges['nll']: good_max=0.25 is not below bad=0.2: edges ascend, {' < '.join(NLL_EDGES)}",
        ),
        ({"info": "model"}, "info='model' is no dictionary: give one"),
        (
            {"info": {f"label_{number}": 1 for number in range(17)}},
            f"info has 17 entries: give {MAX_INFO_LABELS} at most, what tells runs apart",
        ),
        *(
            (
                {"info": {name: 1}},
                f"info[{name!r}]: a name is letters, digits and underscores, and starts with a letter; 100 at most",
            )
            for name in ("batch-size", "", "4k", "__name__", "größe", "a\n", 7)
        ),
        *(
            (
                {"info": {name: 1}},
                f"info[{name!r}]: this name is taken by the exporter or by Prometheus: choose another",
            )
            for name in ("run", "rank", "outputs_url", "instance", "job", "le", "quantile")
        ),
        ({"info": {"model": ""}}, "info['model']='' is empty: give a text that tells this run from others"),
        (
            {"info": {"model": "x" * 300}},
            f"info['model'] has 300 characters ('{'x' * 40}'...): give {MAX_TEXT} at most",
        ),
        *(
            (
                {"outputs_url": url},
                f"outputs_url={url!r} is no address: give one like https://host/samples, without spaces",
            )
            for url in ("", "samples", "/out", "https://", "https://a b", 'https://a"b', "https://a\nb", 7)
        ),
        (
            {"outputs_url": "https://" + "x" * 200},
            f"outputs_url has 208 characters ('https://{'x' * 32}'...): give {MAX_TEXT} at most",
        ),
    ],
)
def test_what_cannot_be_used_is_named_with_the_fix(
    make_settings: MakeSettings, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        make_settings(**given)
    assert str(raised.value) == message


def test_a_settings_error_is_a_value_error(make_settings: MakeSettings) -> None:
    with pytest.raises(ValueError, match="run=''"):
        make_settings(run="")


@pytest.mark.parametrize("port", [0, 1, 9645, 65535])
def test_a_port(port: int) -> None:
    assert whole_port(port) == port


@pytest.mark.parametrize("port", [-1, 65536, 9645.0, "9645", None, True])
def test_what_is_no_port(port: object) -> None:
    with pytest.raises(SettingsError) as raised:
        whole_port(port)
    assert str(raised.value) == f"port={port!r} is no TCP port: give 1 to 65535, or 0 for any free one"


@pytest.mark.parametrize("value", [0, 30, 0.5, threading.TIMEOUT_MAX])
def test_a_time_to_wait(value: float) -> None:
    assert seconds("linger_seconds", value) == value


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, 1e300, "30", None, True])
def test_what_is_no_time_to_wait(value: object) -> None:
    with pytest.raises(SettingsError) as raised:
        seconds("linger_seconds", value)
    assert str(raised.value) == f"linger_seconds={value!r} is no time to wait: give seconds, 0 or more"


@pytest.mark.parametrize(
    ("gpus", "expected"),
    [("own", "own"), ("all", "all"), (None, None), (False, None)],
    ids=["own", "all", "None", "False"],
)
def test_whose_gpus(gpus: object, expected: str | None) -> None:
    assert gpu_choice(gpus) == expected


@pytest.mark.parametrize("gpus", ["mine", "OWN", "", True, 0, [0], "x" * 200])
def test_what_names_no_gpus(gpus: object) -> None:
    with pytest.raises(SettingsError) as raised:
        gpu_choice(gpus)
    expected = (
        f"gpus={gpus!r:.80} is not known: give 'own' (what this process uses), 'all' (what the machine has), or False"
    )
    assert str(raised.value) == expected


@pytest.mark.parametrize("value", [0.1, 5, 60])
def test_how_often_gpus_are_read(value: float) -> None:
    assert sample_seconds(value) == value


@pytest.mark.parametrize("value", [0, 0.05, 60.1, -1, math.nan, math.inf, "5", None, True])
def test_what_is_too_often_or_too_rare(value: object) -> None:
    with pytest.raises(SettingsError) as raised:
        sample_seconds(value)
    assert str(raised.value) == f"gpu_sample_seconds={value!r} is out of range: give 0.1 to 60 seconds"


def test_a_suggestion() -> None:
    assert suggestion("percepton", ["nll", "perception"]) == "did you mean 'perception'?"
    assert suggestion("x", ["nll", "perception"]) == "known: nll, perception"
