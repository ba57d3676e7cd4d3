"""Test reports from a real Prometheus."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from children import finished
from deadline import wait_until
from recorded_runs import LOSS_WEIGHTS
from watched_runs import last_step

from vae_exporter import TrainingExporter
from vae_exporter._serve.http import reply, serve
from vae_exporter.report import Curve, read_report, render
from vae_exporter.stack.client import AnswerError, Prometheus
from vae_exporter.stack.promql import promql_string
from vae_exporter.stack.run_history import RunError
from vae_exporter.stack.servers import SHORTENED, Intervals, prometheus
from vae_exporter.vocabulary import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

    from watched_runs import WatchedRuns

COMMAND = [sys.executable, "-m", "vae_exporter.cli", "report"]
NOBODY = "http://127.0.0.1:1"


def test_the_good_run_is_healthy_and_did_not_page(watched: WatchedRuns) -> None:
    report = read_report(watched.url, "good_run")
    assert (report.run, report.state) == ("good_run", "running")
    assert report.verdict in VERDICTS
    assert report.reason
    assert [alert.name for alert in report.alerts if alert.severity == "page"] == []
    assert report.outputs_url == "https://example.org/good_run"
    assert watched.url in report.source


def test_the_nll_by_step_is_the_one_that_the_rules_judge(watched: WatchedRuns) -> None:
    report = read_report(watched.url, "bad_run")
    steps = report.nll.steps
    assert list(steps) == sorted(set(steps))
    assert 99 <= steps[0] <= 200
    assert steps[-1] == last_step("bad_run")
    observed = {component: curve for component, curve in report.contributions.items() if curve}
    assert set(observed) == set(LOSS_WEIGHTS)
    assert all(curve.steps[-1] == steps[-1] for curve in observed.values())
    assert report.nll.values[-1] == pytest.approx(Prometheus(watched.url).value('run:vae_nll:mean{run="bad_run"}'))
    assert max(report.nll.values) > 0.3
    assert len(report.nll_noise.steps) >= len(steps)


def test_the_page_of_the_bad_run_has_the_steps_at_which_it_fired(watched: WatchedRuns) -> None:
    (page,) = (alert for alert in read_report(watched.url, "bad_run").alerts if alert.name == "VaeNllDiverged")
    assert page.severity == "page"
    assert page.step is not None
    assert 380 <= page.step <= 560  # one point per second, which is 60 steps
    assert page.end_step is None  # the run ends before its NLL has been good for three long windows


def test_a_firing_alert_has_its_annotations(watched: WatchedRuns) -> None:
    (page,) = (alert for alert in read_report(watched.url, "full_run").alerts if alert.name == "VaeLossNonfinite")
    assert page.end_step is None
    assert page.summary.startswith("Run full_run: NaN or infinite loss, last at step 830.")
    assert "VaeLossNonfinite" in page.runbook_url


def test_a_continuous_alert_is_listed_once_even_if_the_rules_are_evaluated_rarely(tmp_path: Path) -> None:
    with TrainingExporter("seldom", port=0, gpus=False, linger_seconds=0) as exporter:
        target = str(exporter.url).removeprefix("http://")
        intervals = Intervals(scrape="500ms", evaluation="3s")
        with prometheus(tmp_path, targets=[target], alertmanager_url="http://127.0.0.1:1", intervals=intervals) as url:
            exporter.observe(0, nll=float("nan"))
            evaluations = 'count_over_time(ALERTS{alertname="VaeLossNonfinite",alertstate="firing"}[1m]) >= 3'
            wait_until(
                lambda: bool(Prometheus(url).query(evaluations)), "the page fires for three evaluations", seconds=60
            )
            (page,) = (alert for alert in read_report(url, "seldom").alerts if alert.name == "VaeLossNonfinite")
    assert page.end_step is None


def test_each_stage_is_marked_where_it_began(tmp_path: Path) -> None:
    with TrainingExporter("staged", port=0, gpus=False, linger_seconds=0) as exporter:
        target = str(exporter.url).removeprefix("http://")
        with prometheus(tmp_path, targets=[target], alertmanager_url="http://127.0.0.1:1", intervals=SHORTENED) as url:
            for stage, first in (("512px", 300), ("1024px", 700)):
                exporter.observe(first - 1, nll=0.2)
                exporter.stage(stage)
                exporter.observe(first, nll=0.4)
                began = f'run_change:vae_change:first_step{{run="staged",change="stage"}} == {first}'
                wait_until(lambda began=began: bool(Prometheus(url).query(began)), "the stage", seconds=60)  # type: ignore[misc]
            report = read_report(url, "staged")
    assert report.stages == (300, 700)


def test_the_edges_are_those_of_the_run(watched: WatchedRuns) -> None:
    edges = read_report(watched.url, "good_run").edges
    assert edges["bad"] == 0.3
    assert edges.keys() >= {"suspicious", "excellent_min", "golden_min", "golden_max", "excellent_max", "good_max"}


def test_each_gpu_has_its_memory_by_step_and_its_total(watched: WatchedRuns) -> None:
    card, mig_slice = read_report(watched.url, "full_run").gpu_memory
    assert (card.total, mig_slice.total) == (80 * 2**30, 10 * 2**30)
    assert list(card.layers) == ["used (driver)", "reserved (torch)", "allocated, peak", "allocated"]
    assert card.layers["allocated"].values[-1] == 4.8e10 + 1e9  # two ranks share the GPU
    assert card.layers["allocated"].steps[-1] == 840
    assert list(mig_slice.layers) == ["used (driver)"]


class TestARunThatWasSlowToStart:
    """A run whose first alert resolved before its first step, or that has no step at all."""

    @pytest.fixture
    def prometheus(self) -> Iterator[tuple[str, dict[str, list[Any]]]]:
        """Yield the URL of a server, and its answers to range queries by a part of the query."""
        ranges: dict[str, list[Any]] = {
            "last_over_time(ALERTS": [
                {"metric": {"alertname": "VaeTrainingStalled"}, "values": [[1100, "1"], [1102, "1"]]}
            ],
        }
        values = {"min_over_time(vae_run_start": "1000", "max_over_time(vae_last_step": "1600", "vae_run_state": "2"}

        def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            asked = parse_qs(environ["QUERY_STRING"])
            text, path = asked.get("query", [""])[0], environ["PATH_INFO"]
            data: Any = {"alerts": [], "result": next((found for part, found in ranges.items() if part in text), [])}
            if path.endswith("/query"):
                data = {
                    "result": [{"metric": {}, "value": [0, value]} for part, value in values.items() if part in text]
                }
            elif path.endswith("/label/run/values"):
                data = ["slow"] if asked["match[]"] == ["vae_run_info"] else []  # vae_step comes with the first step
            return reply(start_response, "200 OK", "application/json", json.dumps({"data": data}))

        server = serve(app, host="127.0.0.1", port=0)
        yield f"http://127.0.0.1:{server.port}", ranges
        server.close()

    def test_a_resolved_alert_is_not_reported_as_firing(self, prometheus: tuple[str, dict[str, list[Any]]]) -> None:
        url, ranges = prometheus
        ranges["run_rank:vae_step:max"] = [{"metric": {}, "values": [[1300, "7"], [1302, "8"]]}]
        (alert,) = read_report(url, "slow").alerts
        assert (alert.step, alert.end_step) == (None, 7)

    @pytest.mark.parametrize(("last_unfit", "edges"), [("1300", {"bad": 0.3}), ("1302", {})])
    def test_the_bands_are_drawn_only_if_they_fit_the_run_at_its_end(
        self, prometheus: tuple[str, dict[str, list[Any]]], last_unfit: str, edges: dict[str, float]
    ) -> None:
        url, ranges = prometheus
        ranges["run:vae_nll:bands_unfit"] = [{"metric": {}, "values": [[int(last_unfit), "1"]]}]
        ranges["run:vae_nll:mean"] = [{"metric": {}, "values": [[1300, "0.2"], [1302, "0.2"]]}]
        ranges["run:vae_nll:edge_"] = [{"metric": {"__name__": "run:vae_nll:edge_bad"}, "values": [[1302, "0.3"]]}]
        assert read_report(url, "slow").edges == edges

    def test_a_run_without_a_step_has_a_page(self, prometheus: tuple[str, dict[str, list[Any]]]) -> None:
        report = read_report(prometheus[0], "slow")
        assert (report.state, report.nll, report.verdict) == ("finished", Curve(), None)
        assert "until step 0" in render(report)


def test_the_error_for_an_unknown_run_lists_the_known_ones(watched: WatchedRuns) -> None:
    with pytest.raises(RunError, match=r"no run 'god_run'.*'bad_run', 'full_run', 'good_run'"):
        read_report(watched.url, "god_run")


def test_the_name_is_required_if_there_are_several_runs(watched: WatchedRuns) -> None:
    with pytest.raises(RunError, match=r"--run is missing.*'bad_run', 'full_run', 'good_run'"):
        read_report(watched.url)


def test_a_server_that_does_not_answer_is_named() -> None:
    with pytest.raises(AnswerError, match=NOBODY):
        read_report(NOBODY, "x")


def test_a_url_that_is_not_http_raises() -> None:
    with pytest.raises(AnswerError, match=r"URL of Prometheus must start with http://.*, got 'file:///etc'"):
        read_report("file:///etc", "x")


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", '"} or vae_step{run="', "{{run}}"])
def test_special_characters_in_a_run_name_are_escaped_in_queries(name: str, watched: WatchedRuns) -> None:
    assert Prometheus(watched.url).query(f"vae_step{{run={promql_string(name)}}}") == []
    labels = Prometheus(watched.url).query(f'label_replace(vector(1), "run", {promql_string(name)}, "", "")')
    assert [series.labels for series in labels] == [{"run": name}]


def test_the_command_writes_the_page_and_prints_its_path(watched: WatchedRuns, tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    command = [*COMMAND, "--prometheus", watched.url, "--run", "bad_run", "-o", str(output)]
    done = finished(command)
    assert done.returncode == 0, done.stderr
    assert str(output) in done.stdout
    page = output.read_text(encoding="utf-8")
    assert "bad_run" in page
    assert "VaeNllDiverged" in page


def test_the_command_names_a_server_that_does_not_answer(tmp_path: Path) -> None:
    command = [*COMMAND, "--prometheus", NOBODY, "--run", "x", "-o", str(tmp_path / "report.html")]
    done = finished(command)
    assert done.returncode == 1
    assert NOBODY in done.stderr
    assert not (tmp_path / "report.html").exists()


def test_the_command_names_an_unwritable_path(watched: WatchedRuns, tmp_path: Path) -> None:
    output = tmp_path / "nowhere" / "report.html"
    command = [*COMMAND, "--prometheus", watched.url, "--run", "good_run", "-o", str(output)]
    done = finished(command)
    assert done.returncode == 1
    assert str(output) in done.stderr
