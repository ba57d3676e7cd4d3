"""The registry: the metrics of one run and nothing else, with the labels run and rank."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily
from scraping import metric_names

from vae_exporter import _serve
from vae_exporter._record.recorder import Recorder
from vae_exporter._serve.registry import COLLECTORS, RunCollector, run_registry
from vae_exporter.vocabulary import RUN_STATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.facts import RunFacts


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def settings(make_settings: Callable[..., RunSettings]) -> RunSettings:
    return make_settings(run="bs4", rank=3, info={"model": "causal-vae"})


def test_every_sample_has_the_labels_run_and_rank(settings: RunSettings, recorder: Recorder) -> None:
    for step in range(20):
        recorder.observe(step, {"nll": 0.5, "learning_rate": 1e-4})
    samples = [sample for metric in run_registry(settings, recorder).collect() for sample in metric.samples]
    assert samples
    assert {(sample.labels["run"], sample.labels["rank"]) for sample in samples} == {("bs4", "3")}


def test_samples_keep_their_own_labels(settings: RunSettings, recorder: Recorder) -> None:
    registry = run_registry(settings, recorder)
    labels = {"run": "bs4", "rank": "3"}
    assert registry.get_sample_value("vae_run_info", {**labels, "model": "causal-vae"}) == 1
    states = {state: registry.get_sample_value("vae_run_state", {**labels, "state": state}) for state in RUN_STATES}
    assert states == {"running": 1, "paused": 0, "finished": 0, "failed": 0, "terminated": 0}


def test_each_scrape_has_the_time_of_the_clock(settings: RunSettings, recorder: Recorder) -> None:
    registry = run_registry(settings, recorder)
    before = time.time()
    clock = registry.get_sample_value("vae_exporter_clock_timestamp_seconds", {"run": "bs4", "rank": "3"})
    assert clock is not None
    assert before <= clock <= time.time()


def test_series_without_a_value_are_absent(settings: RunSettings, recorder: Recorder) -> None:
    names = {sample.name for metric in run_registry(settings, recorder).collect() for sample in metric.samples}
    absent = {"vae_step", "vae_run_start_step", "vae_loss", "vae_loss_window_mean", "vae_last_nonfinite_step"}
    assert names & absent == set()
    assert {"vae_steps_total", "vae_nonfinite_losses_total", "vae_logvar"} <= names


def test_the_registry_and_the_global_registry_share_no_metrics(settings: RunSettings, recorder: Recorder) -> None:
    run_registry(settings, recorder)
    assert not any(metric.name.startswith("vae_") for metric in REGISTRY.collect())
    names = {metric.name for metric in run_registry(settings, recorder).collect()}
    assert {name for name in names if not name.startswith("vae_")} == set()


class TestCollectorFails:
    @pytest.fixture
    def collector(self, settings: RunSettings, recorder: Recorder) -> RunCollector:
        """A collector that fails after its first metric, beside collectors that succeed."""

        def fail(_settings: RunSettings, _facts: RunFacts) -> Iterator[Metric]:
            yield GaugeMetricFamily("vae_half", "A metric of the failing collector.", value=1)
            raise RuntimeError("out of luck")

        return RunCollector(settings, recorder, {"broken": fail, **COLLECTORS})

    def test_the_other_collectors_are_still_served(self, collector: RunCollector) -> None:
        metrics = {metric.name: metric for metric in collector.collect()}
        assert "vae_half" not in metrics
        assert "vae_run_info" in metrics
        success = {
            sample.labels["collector"]: sample.value for sample in metrics["vae_exporter_collector_success"].samples
        }
        assert success == {"broken": 0, **dict.fromkeys(COLLECTORS, 1)}

    def test_the_failure_is_counted_each_time_and_logged_once(
        self, collector: RunCollector, recorder: Recorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(3):
            list(collector.collect())
        assert recorder.facts().errors == {"collect": 3, "observe": 0, "push": 0, "sample": 0}
        assert caplog.text.count("the collector 'broken' failed; training continues") == 1
        assert "out of luck" in caplog.text


def test_the_duration_of_each_collector_is_exported(settings: RunSettings, recorder: Recorder) -> None:
    registry = run_registry(settings, recorder)
    for name in COLLECTORS:
        labels = {"run": "bs4", "rank": "3", "collector": name}
        taken = registry.get_sample_value("vae_exporter_collector_duration_seconds", labels)
        assert taken is not None
        assert 0 < taken < 10


@pytest.mark.parametrize("run", ['a "quoted" run', "two\nlines", "back\\slash", "даже такой"])
def test_any_run_name_is_escaped(make_settings: Callable[..., RunSettings], recorder: Recorder, run: str) -> None:
    text = generate_latest(run_registry(make_settings(run=run), recorder)).decode()
    escaped = run.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    assert f'vae_steps_total{{rank="0",run="{escaped}"}} 0.0' in text


def test_each_metric_name_is_written_in_full_in_the_code() -> None:
    golden = (Path(__file__).parents[1] / "data" / "metrics.txt").read_text()
    made = "".join(file.read_text() for file in Path(_serve.__file__).parent.rglob("*.py"))
    assert {name for name in metric_names(golden) if f'"{name}"' not in made} == set()
