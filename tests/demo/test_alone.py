"""`vae-exporter trainer`: the demo's training without servers, as Docker Compose runs it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from children import child, finished, line_of
from deadline import wait_until
from scraping import scrape, state

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE_SECONDS = 60


def test_it_trains_diverges_at_the_given_step_and_stops_on_a_signal(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vae_exporter.cli", "trainer", "--run", "bs4", "--port", "0", "--rest", "0.001"]
    command += ["--diverge-at", "20", "--targets-dir", str(tmp_path / "targets")]
    with child(command, seconds=2 * DEADLINE_SECONDS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        said = line_of(process)
        url = re.search(r"Training run bs4\. Its metrics are at (http://[\d.:]+)/metrics", said)
        assert url, said
        assert [file.name[:3] for file in (tmp_path / "targets").iterdir()] == ["bs4"]
        assert re.match(r"Raised the learning rate to 0\.03 at step \d+\.", line_of(process))
        wait_until(
            lambda: scrape(url[1])["vae_learning_rate"] > 0.01, "it trains at the diverging learning rate", seconds=30
        )
        assert state(scrape(url[1])) == ["running"]
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE_SECONDS)
    [last_word] = (tmp_path / "targets").iterdir()  # nothing scraped its end
    assert last_word.name.endswith("-ended.json")


def test_an_unavailable_address_is_a_clear_error() -> None:
    command = [sys.executable, "-m", "vae_exporter.cli", "trainer", "--host", "192.0.2.1"]
    done = finished(command)
    assert done.returncode == 1
    assert "192.0.2.1" in done.stderr
