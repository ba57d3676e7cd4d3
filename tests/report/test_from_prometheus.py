"""A report as it is read from a running Prometheus."""

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
from vae_exporter.report.from_prometheus import ReportError
from vae_exporter.stack.client import AnswerError, Prometheus
from vae_exporter.stack.promql import promql_string
from vae_exporter.stack.servers import Intervals, prometheus
from vae_exporter.vocabulary import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

    from watched_runs import WatchedRuns

COMMAND = [sys.executable, "-m", "vae_exporter.cli", "report"]
NOBODY = "http://127.0.0.1:1"


def test_the_good_run_has_a_verdict_and_nobody_was_paged_about_it(watched: WatchedRuns) -> None:
    report = read_report(watched.url, "good_run")
    assert (report.run, report.state) == ("good_run", "running")
    assert report.verdict in VERDICTS
    assert report.reason
    assert [alert.name for alert in report.alerts if alert.severity == "page"] == []
    assert report.outputs_url == "https://example.org/good_run"
    assert watched.url in report.source


def test_the_nll_is_by_step_and_what_the_rules_judge(watched: WatchedRuns) -> None:
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


def test_the_bad_runs_page_stands_at_the_steps_at_which_it_fired(watched: WatchedRuns) -> None:
    (page,) = (alert for alert in read_report(watched.url, "bad_run").alerts if alert.name == "VaeNllDiverged")
    assert page.severity == "page"
    assert page.step is not None
    assert page.end_step is not None
    assert 380 <= page.step <= 500  # a point a second, of 60 steps
    assert page.step < page.end_step <= 840


def test_an_alert_that_fires_has_the_words_of_its_rule(watched: WatchedRuns) -> None:
    (page,) = (alert for alert in read_report(watched.url, "full_run").alerts if alert.name == "VaeLossNonfinite")
    assert page.end_step is None
    assert page.summary.startswith("Run full_run: NaN or infinite loss, last at step 830.")
    assert "VaeLossNonfinite" in page.runbook_url


def test_an_alert_that_goes_on_is_one_however_seldom_the_rules_are_evaluated(tmp_path: Path) -> None:
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


def test_the_edges_are_those_by_which_the_run_is_judged(watched: WatchedRuns) -> None:
    edges = read_report(watched.url, "good_run").edges
    assert edges["bad"] == 0.3
    assert edges.keys() >= {"suspicious", "excellent_min", "golden_min", "golden_max", "excellent_max", "good_max"}


def test_the_memory_of_each_card_is_by_step_below_its_total(watched: WatchedRuns) -> None:
    card, mig_slice = read_report(watched.url, "full_run").gpu_memory
    assert (card.total, mig_slice.total) == (80 * 2**30, 10 * 2**30)
    assert list(card.layers) == ["used (driver)", "reserved (torch)", "allocated, peak", "allocated"]
    assert card.layers["allocated"].values[-1] == 4.8e10 + 1e9  # two ranks share it
    assert card.layers["allocated"].steps[-1] == 840
    assert list(mig_slice.layers) == ["used (driver)"]


class TestARunThatWasSlowToStart:
    """Its first alert was over before its first step; or that never came."""

    @pytest.fixture
    def prometheus(self) -> Iterator[tuple[str, dict[str, list[Any]]]]:
        """Return the address of a server, and what it answers to a range query, by a part of the query."""
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

    def test_what_is_over_is_not_said_to_fire(self, prometheus: tuple[str, dict[str, list[Any]]]) -> None:
        url, ranges = prometheus
        ranges["run_rank:vae_step:max"] = [{"metric": {}, "values": [[1300, "7"], [1302, "8"]]}]
        (alert,) = read_report(url, "slow").alerts
        assert (alert.step, alert.end_step) == (None, 7)

    def test_a_run_without_a_step_has_a_page(self, prometheus: tuple[str, dict[str, list[Any]]]) -> None:
        report = read_report(prometheus[0], "slow")
        assert (report.state, report.nll, report.verdict) == ("finished", Curve(), None)
        assert "until step 0" in render(report)


def test_a_run_that_is_not_there_is_told_with_those_that_are(watched: WatchedRuns) -> None:
    with pytest.raises(ReportError, match=r"no run 'god_run'.*'bad_run', 'full_run', 'good_run'"):
        read_report(watched.url, "god_run")


def test_of_several_runs_one_has_to_be_named(watched: WatchedRuns) -> None:
    with pytest.raises(ReportError, match=r"which run.*'bad_run', 'full_run', 'good_run'"):
        read_report(watched.url)


def test_a_server_that_does_not_answer_is_named() -> None:
    with pytest.raises(AnswerError, match=NOBODY):
        read_report(NOBODY, "x")


def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(AnswerError, match=r"file:///etc.*is no address"):
        read_report("file:///etc", "x")


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", '"} or vae_step{run="', "{{run}}"])
def test_a_name_says_nothing_but_itself_to_prometheus(name: str, watched: WatchedRuns) -> None:
    assert Prometheus(watched.url).query(f"vae_step{{run={promql_string(name)}}}") == []
    labels = Prometheus(watched.url).query(f'label_replace(vector(1), "run", {promql_string(name)}, "", "")')
    assert [series.labels for series in labels] == [{"run": name}]


def test_the_command_writes_the_page_and_says_where(watched: WatchedRuns, tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    command = [*COMMAND, "--prometheus", watched.url, "--run", "bad_run", "-o", str(output)]
    done = finished(command)
    assert done.returncode == 0, done.stderr
    assert str(output) in done.stdout
    page = output.read_text(encoding="utf-8")
    assert "bad_run" in page
    assert "VaeNllDiverged" in page


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    command = [*COMMAND, "--prometheus", NOBODY, "--run", "x", "-o", str(tmp_path / "report.html")]
    done = finished(command)
    assert done.returncode == 1
    assert NOBODY in done.stderr
    assert not (tmp_path / "report.html").exists()


def test_the_command_says_where_it_cannot_write(watched: WatchedRuns, tmp_path: Path) -> None:
    output = tmp_path / "nowhere" / "report.html"
    command = [*COMMAND, "--prometheus", watched.url, "--run", "good_run", "-o", str(output)]
    done = finished(command)
    assert done.returncode == 1
    assert str(output) in done.stderr
