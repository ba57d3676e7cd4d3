"""The checks of the chain, with a real run, Prometheus, Alertmanager and pager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deadline import wait_until

from vae_exporter import TrainingExporter, __version__
from vae_exporter._serve.http import serve
from vae_exporter.doctor.chain.checks import check_chain
from vae_exporter.pager import PagerSink, pager_app
from vae_exporter.stack.servers import Intervals, alertmanager, prometheus

if TYPE_CHECKING:
    from pathlib import Path

    from vae_exporter.doctor.finding import Finding

INTERVALS = Intervals(scrape="200ms", evaluation="200ms", group_wait="200ms", group_interval="1s")

NOBODY = "http://127.0.0.1:1"

SILENT = ("versions: ask the server", "delivery: ask the server")
"""What fails if Alertmanager does not answer."""


def failed(findings: list[Finding]) -> dict[str, str]:
    return {f"{finding.check}: {finding.what}": finding.figure for finding in findings if finding.passed is False}


def test_a_whole_chain_passes_and_delivers_the_test_page(tmp_path: Path) -> None:
    sink = PagerSink()
    pager = serve(pager_app(sink), host="127.0.0.1", port=0)
    try:
        with (
            TrainingExporter("r", port=0, linger_seconds=0, gpus=False) as exporter,
            alertmanager(tmp_path, pager_url=pager.url, intervals=INTERVALS) as alertmanager_url,
            prometheus(
                tmp_path,
                targets=[str(exporter.url).removeprefix("http://")],
                alertmanager_url=alertmanager_url,
                intervals=INTERVALS,
            ) as prometheus_url,
        ):

            def found(*, with_test_page: bool = False) -> list[Finding]:
                return list(check_chain(prometheus_url, alertmanager_url, with_test_page=with_test_page))

            wait_until(lambda: not failed(found()), "the chain works", seconds=90)
            findings = found(with_test_page=True)
            assert failed(findings) == {}
            assert any(finding.figure == f"run r rank 0, vae-exporter {__version__}" for finding in findings)
            assert findings[-1].figure == "routed to pager, chat"
            wait_until(lambda: any("test page" in heard.title for heard in sink.notifications), "the test page arrives")
    finally:
        pager.close()


def test_each_missing_link_fails(tmp_path: Path) -> None:
    with prometheus(tmp_path, targets=["127.0.0.1:1"], alertmanager_url=NOBODY, intervals=INTERVALS) as url:

        def found() -> dict[str, str]:
            return failed(list(check_chain(url, NOBODY, with_test_page=False)))

        targets = f"runs: targets of vae-training at {url}"
        # Prometheus discovers its targets some seconds after its start, and only then sends alerts.
        wait_until(lambda: found().get(targets) == "0 of 1 targets are up", "the target is known", seconds=90)
        wait_until(lambda: set(found()) == {targets, *SILENT}, "only these fail", seconds=90)
        assert "does not answer like Alertmanager" in found()["delivery: ask the server"]


def test_without_prometheus_every_check_that_asks_it_fails() -> None:
    found = failed(list(check_chain(NOBODY, NOBODY, with_test_page=True)))
    assert sorted(found) == [
        f"{check}: ask the server" for check in ("clocks", "delivery", "rules", "runs", "test page", "versions")
    ]
