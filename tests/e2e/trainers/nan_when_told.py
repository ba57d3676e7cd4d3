"""A training controlled by its standard input: the first line makes the loss NaN, the second one ends it.

python nan_when_told.py RUN
"""

from __future__ import annotations

import math
import sys
import threading
import time

from vae_exporter import TrainingExporter

told = threading.Semaphore(0)


def listen() -> None:
    """Count the lines on standard input."""
    for _ in sys.stdin:
        told.release()


threading.Thread(target=listen, daemon=True).start()
nll = 0.15
with TrainingExporter(sys.argv[1], port=0, linger_seconds=5, gpu_sample_seconds=0.2) as exporter:
    print(exporter.url, flush=True)  # noqa: T201 - the test reads it
    step = 0
    while True:
        exporter.observe(step, nll=nll)
        step += 1
        time.sleep(0.02)
        if told.acquire(blocking=False):
            if math.isnan(nll):
                break
            nll = math.nan
