"""A training that is good for 150 steps, then diverges until it is killed.

python diverging.py RUN TARGETS_DIR
"""

from __future__ import annotations

import sys
import time
from itertools import count

from vae_exporter import TrainingExporter

GOOD_STEPS = 150

run, targets_dir = sys.argv[1:]

with TrainingExporter(run, port=0, targets_dir=targets_dir) as exporter:
    for step in count():
        exporter.observe(step, nll=0.15 if step < GOOD_STEPS else 1.0)
        time.sleep(0.02)
