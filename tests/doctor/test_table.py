from __future__ import annotations

from io import StringIO

from rich.console import Console

from vae_exporter.doctor.finding import Finding
from vae_exporter.doctor.table import as_markdown, for_terminal

FINDINGS = [
    Finding("allocator", "allocated current", "3 [MiB]", "4", passed=False),
    Finding("machine", "GPU", "NVIDIA | A100"),
]


def test_markdown() -> None:
    assert as_markdown(FINDINGS) == (
        "| check | what | found | expected | result |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| allocator | allocated current | 3 [MiB] | 4 | FAIL |\n"
        "| machine | GPU | NVIDIA \\| A100 |  | - |"
    )


def test_terminal() -> None:
    printed = StringIO()
    console = Console(width=100, file=printed)
    console.print(for_terminal(FINDINGS, console.width))
    lines = [line.split() for line in printed.getvalue().splitlines()]
    assert lines[1] == ["allocator", "allocated", "current", "3", "[MiB]", "4", "FAIL"]


def test_a_narrow_terminal_breaks_no_url() -> None:
    url = "http://127.0.0.1:9090"
    findings = [
        Finding(
            "Prometheus", f"answers at {url}", "version 3.5.0 of Prometheus", "an answer within 30 seconds", passed=True
        ),
        Finding(
            "Alertmanager",
            "receives the alerts of Prometheus",
            "http://127.0.0.1:9093, which it names",
            "it",
            passed=True,
        ),
    ]
    printed = StringIO()
    Console(width=80, file=printed).print(for_terminal(findings, 80))
    assert {url, "http://127.0.0.1:9093,"} <= set(printed.getvalue().split())
    assert max(map(len, printed.getvalue().splitlines())) <= 80


def test_a_narrow_terminal_shows_each_result_however_many_urls_there_are() -> None:
    url = "http://127.0.0.1:9645/metrics"
    findings = [Finding("training", f"{url} answers", f"{url} is scraped", f"{url} is a target", passed=False)]
    printed = StringIO()
    Console(width=80, file=printed).print(for_terminal(findings, 80))
    header, first, *_ = printed.getvalue().splitlines()
    assert header.split() == ["check", "what", "found", "expected", "result"]
    assert first.split()[-1] == "FAIL"
