"""Series that promtool writes into the storage of a Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from children import finished

from vae_exporter.stack.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def store(folder: Path, lines: Iterable[str], *, seconds: float = 60.0) -> None:
    """Write the series in *lines*, in the format of OpenMetrics, for a Prometheus with its data in *folder*."""
    file = folder / "series.txt"
    with file.open("w") as text:
        text.writelines(f"{line}\n" for line in lines)
        text.write("# EOF\n")
    command: list[str | Path] = [
        find_program("promtool"),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        file,
        folder / "prometheus",
    ]
    done = finished(command, seconds=seconds)
    assert done.returncode == 0, done.stderr[-1000:]
    file.unlink()
