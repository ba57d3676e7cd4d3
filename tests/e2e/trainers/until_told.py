"""A training that is good until the file TOLD contains "end", or "exit", on which it calls sys.exit(1).

python until_told.py RUN TARGETS_DIR TOLD
"""

from __future__ import annotations

import sys
import time
from itertools import count
from pathlib import Path

from vae_exporter import TrainingExporter

run, targets_dir, told = sys.argv[1:]

with TrainingExporter(run, port=0, targets_dir=targets_dir, linger_seconds=10) as exporter:
    for step in count():
        exporter.observe(step, nll=0.15)
        order = Path(told).read_text() if Path(told).exists() else ""
        if order == "exit":
            sys.exit(1)
        if order == "end":
            break
        time.sleep(0.05)
