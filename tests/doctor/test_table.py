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
    console.print(for_terminal(FINDINGS))
    lines = [line.split() for line in printed.getvalue().splitlines()]
    assert lines[1] == ["allocator", "allocated", "current", "3", "[MiB]", "4", "FAIL"]
