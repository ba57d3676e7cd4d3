"""What a run serves, over real HTTP."""

from __future__ import annotations

import logging
import socket
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn
from wsgiref.util import setup_testing_defaults

import pytest
from http_get import SCRAPER, get
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from vae_exporter._record.recorder import Recorder
from vae_exporter._serve.endpoint import PORTS_TRIED, endpoint_app, listen
from vae_exporter._serve.http import HttpServer, serve
from vae_exporter._serve.registry import COLLECTORS
from vae_exporter._serve.scrapers import Scrapers
from vae_exporter.errors import EndpointError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from prometheus_client.core import Metric

    from vae_exporter._process.settings import RunSettings

NASTY_RUN = "<script>alert('no')</script> & {run} %s"

ACCEPTED_BY_PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
ACCEPTED_BY_PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@dataclass
class Endpoint:
    """A run that is served."""

    settings: RunSettings
    recorder: Recorder = field(default_factory=Recorder)
    scrapers: Scrapers = field(default_factory=Scrapers)
    server: HttpServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = serve(endpoint_app(self.settings, self.recorder, self.scrapers), host="127.0.0.1", port=0)


@pytest.fixture
def endpoint(make_settings: Callable[..., RunSettings]) -> Iterator[Endpoint]:
    endpoint = Endpoint(make_settings(run=NASTY_RUN))
    for step in range(30):
        endpoint.recorder.observe(step, {"nll": 0.5, "learning_rate": 1e-4})
    yield endpoint
    endpoint.server.close()


def parse_openmetrics(text: str) -> Iterable[Metric]:
    families: Iterable[Metric] = openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return families


def values(metrics: Iterable[Metric]) -> dict[str, float]:
    """Return the samples without labels of their own, by name."""
    return {
        sample.name: sample.value
        for metric in metrics
        for sample in metric.samples
        if sample.labels == {"run": NASTY_RUN, "rank": "0"}
    }


class TestMetrics:
    def test_text(self, endpoint: Endpoint) -> None:
        answer = get(endpoint.server.url + "/metrics")
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        samples = values(parse_text(answer.text))
        assert (samples["vae_step"], samples["vae_steps_total"], samples["vae_learning_rate"]) == (29, 30, 1e-4)

    def test_openmetrics_for_who_accepts_it(self, endpoint: Endpoint) -> None:
        answer = get(endpoint.server.url + "/metrics", Accept="application/openmetrics-text; version=1.0.0")
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        assert answer.text.endswith("# EOF\n")
        samples = values(parse_openmetrics(answer.text))
        assert (samples["vae_step"], samples["vae_steps_total"], samples["vae_learning_rate"]) == (29, 30, 1e-4)

    @pytest.mark.parametrize("accept", [ACCEPTED_BY_PROMETHEUS_2, ACCEPTED_BY_PROMETHEUS_3])
    def test_prometheus_gets_the_text_that_costs_the_training_least(self, endpoint: Endpoint, accept: str) -> None:
        answer = get(endpoint.server.url + "/metrics", Accept=accept)
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert values(parse_text(answer.text))["vae_step"] == 29

    def test_both_say_the_same(self, endpoint: Endpoint) -> None:
        url = endpoint.server.url + "/metrics"
        text = values(parse_text(get(url).text))
        openmetrics = values(parse_openmetrics(get(url, Accept="application/openmetrics-text").text))
        for samples in (text, openmetrics):
            samples.pop("vae_exporter_clock_timestamp_seconds")  # it goes on
        assert openmetrics == text

    def test_the_training_process_spends_no_time_on_compression(self, endpoint: Endpoint) -> None:
        answer = get(endpoint.server.url + "/metrics", Accept_Encoding="gzip")
        assert "Content-Encoding" not in answer.headers
        assert values(parse_text(answer.text))["vae_step"] == 29

    def test_a_collector_that_fails_hides_no_other(self, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> NoReturn:
            raise RuntimeError("out of luck")

        monkeypatch.setitem(COLLECTORS, "loss", fail)
        text = get(endpoint.server.url + "/metrics").text
        success = next(metric for metric in parse_text(text) if metric.name == "vae_exporter_collector_success")
        assert {sample.labels["collector"]: sample.value for sample in success.samples} == {
            **dict.fromkeys(COLLECTORS, 1),
            "loss": 0,
        }
        assert values(parse_text(text))["vae_step"] == 29


class TestPages:
    def test_health(self, endpoint: Endpoint) -> None:
        answer = get(endpoint.server.url + "/healthz")
        assert (answer.status, answer.text) == (200, "ok\n")

    def test_the_landing_page_shows_the_run_as_text(self, endpoint: Endpoint) -> None:
        answer = get(endpoint.server.url)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "<h1>&lt;script&gt;alert(&#x27;no&#x27;)&lt;/script&gt; &amp; {run} %s</h1>" in answer.text
        assert "<script" not in answer.text
        for cell in ("state<td>running", "step<td>29", "nll<td>0.5", 'href="/metrics"', 'href="/healthz"'):
            assert cell in answer.text

    def test_the_landing_page_before_the_first_step(self, make_settings: Callable[..., RunSettings]) -> None:
        with closing(Endpoint(make_settings()).server) as server:
            assert "step<td>none yet" in get(server.url).text

    @pytest.mark.parametrize("path", ["/metric", "/metrics/", "/favicon.ico", "/../etc/passwd"])
    def test_anything_else_is_not_here(self, endpoint: Endpoint, path: str) -> None:
        answer = get(endpoint.server.url + path)
        assert (answer.status, answer.text) == (404, "not here: see / for what there is\n")


def nothing(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("204 No Content", [])
    return []


class TestListen:
    def test_the_port_that_is_free(self, caplog: pytest.LogCaptureFixture) -> None:
        with closing(listen(nothing, host="127.0.0.1", port=0, is_announced=False)) as server:
            assert get(server.url).status == 204
        assert caplog.records == []

    def test_where_it_is_taken_the_next_free_one_and_a_warning_says_which(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        with (
            closing(listen(nothing, host="127.0.0.1", port=0, is_announced=False)) as first,
            closing(listen(nothing, host="127.0.0.1", port=first.port, is_announced=False)) as second,
        ):
            assert first.port < second.port < first.port + PORTS_TRIED
            assert get(second.url).status == 204
        assert caplog.record_tuples == [
            ("vae_exporter", logging.WARNING, f"port {first.port} is taken: serving on {second.url}/metrics")
        ]

    def test_where_all_are_taken_an_error_says_so(self) -> None:
        with ExitStack() as taken:
            first = take_ports_in_a_row(taken, PORTS_TRIED)
            with pytest.raises(EndpointError) as raised:
                listen(nothing, host="127.0.0.1", port=first, is_announced=False)
        assert str(raised.value) == (
            f"the ports {first} to {first + PORTS_TRIED - 1} of 127.0.0.1 are all taken: "
            "give targets_dir=, or another port="
        )

    def test_where_all_are_taken_any_free_one_will_do_if_a_file_announces_it(self) -> None:
        with ExitStack() as taken:
            first = take_ports_in_a_row(taken, PORTS_TRIED)
            with closing(listen(nothing, host="127.0.0.1", port=first, is_announced=True)) as server:
                assert server.port not in range(first, first + PORTS_TRIED)
                assert get(server.url).status == 204

    def test_ports_end_at_65535(self) -> None:
        with ExitStack() as taken:
            with suppress(OSError):
                taken.enter_context(closing(serve(nothing, host="127.0.0.1", port=65535)))
            with pytest.raises(EndpointError, match="the ports 65535 to 65535 of"):
                listen(nothing, host="127.0.0.1", port=65535, is_announced=False)

    def test_an_address_that_is_not_this_machine_s_is_an_error_at_once(self) -> None:
        with pytest.raises(EndpointError) as raised:
            listen(
                nothing, host="192.0.2.1", port=9645, is_announced=True
            )  # an address kept for documentation: RFC 5737
        assert str(raised.value).startswith("cannot listen on 192.0.2.1:9645: ")
        assert str(raised.value).endswith("; give another host= or port=")


def take_ports_in_a_row(taken: ExitStack, count: int) -> int:
    """Listen on *count* ports in a row, and return the first. One that is someone else's may be free again at once."""
    for first in range(20_000, 30_000, count):  # below those that systems give out by themselves
        with ExitStack() as ours, suppress(OSError):
            for port in range(first, first + count):
                blocker = ours.enter_context(socket.socket())
                blocker.bind(("127.0.0.1", port))
                blocker.listen()
            taken.push(ours.pop_all())
            return first
    pytest.fail("no ports in a row are free")


class TestScrapes:
    """Which answers count as scrapes."""

    def test_only_a_scrape_that_was_sent_in_full_counts(self, make_settings: Callable[..., RunSettings]) -> None:
        """The server asks an answer for more until it has no more; where the client hangs up, it stops asking."""
        scrapers = Scrapers(lambda: 10_000.0)
        app = endpoint_app(make_settings(), Recorder(), scrapers)
        ask(app, parts=1)
        assert scrapers.missing(scrapers.now(), is_expected=True) == 1
        ask(app, parts=2)
        assert scrapers.missing(scrapers.now(), is_expected=True) == 0

    def test_only_a_scraper_is_waited_for(self, endpoint: Endpoint) -> None:
        for path in ("/", "/healthz", "/nothing"):
            get(endpoint.server.url + path, **SCRAPER)
        get(endpoint.server.url + "/metrics", User_Agent="curl/8.5.0")
        for timeout in ("", "soon", "nan", "inf", "0", "-1"):
            get(endpoint.server.url + "/metrics", X_Prometheus_Scrape_Timeout_Seconds=timeout)
        assert endpoint.scrapers.missing(endpoint.scrapers.now()) == 0
        get(endpoint.server.url + "/metrics", **SCRAPER)
        assert endpoint.scrapers.missing(endpoint.scrapers.now()) == 1


def ask(app: WSGIApplication, *, parts: int) -> None:
    """Ask *app* for /metrics, and for no more than that many parts of its answer."""
    environ: WSGIEnvironment = {}
    setup_testing_defaults(environ)
    environ |= {"PATH_INFO": "/metrics", "HTTP_X_PROMETHEUS_SCRAPE_TIMEOUT_SECONDS": "10"}
    answer = iter(app(environ, lambda *_: lambda _: None))
    for _ in range(parts):
        next(answer, None)
