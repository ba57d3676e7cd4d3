"""A process that gevent has patched."""

from __future__ import annotations

import sys

from children import finished

SCRIPT = """
from gevent import monkey
monkey.patch_all()
from vae_exporter import TrainingExporter
with TrainingExporter("bs4", port=0, linger_seconds=0, gpus=False) as exporter:
    exporter.observe(1, nll=0.5)
"""


def test_it_says_that_nobody_can_scrape_it() -> None:
    process = finished([sys.executable, "-c", SCRIPT])
    assert process.returncode == 0
    assert (
        "gevent has patched this process: run 'bs4' is not scraped while its training loop computes" in process.stderr
    )
