"""A training that no server scrapes: it pushes its metrics, and after 400 good steps does what its name says.

python pushing.py dies|diverges|ends ENDPOINT
"""

from __future__ import annotations

import sys
import time
from itertools import count

from vae_exporter import TrainingExporter

GOOD_STEPS = 400
"""More than the 300 after which a run has held a level: a rise is then one at any time."""

run, endpoint = sys.argv[1:]

with TrainingExporter(run, rank=0, port=0, gpus=False, otlp_endpoint=endpoint) as exporter:
    for step in count():
        exporter.observe(step, nll=1.0 if run == "diverges" and step >= GOOD_STEPS else 0.15)
        if run == "ends" and step == GOOD_STEPS:
            break
        time.sleep(0.02)
