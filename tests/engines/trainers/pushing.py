"""A training that no server scrapes: it pushes its metrics, and diverges or ends after 200 good steps.

python pushing.py RUN ENDPOINT diverge|end
"""

from __future__ import annotations

import sys
import time
from itertools import count

from vae_exporter import TrainingExporter

GOOD_STEPS = 200

run, endpoint, what = sys.argv[1:]

with TrainingExporter(run, rank=0, port=0, gpus=False, otlp_endpoint=endpoint) as exporter:
    for step in count():
        exporter.observe(step, nll=0.15 if what == "end" or step < GOOD_STEPS else 1.0)
        if what == "end" and step == GOOD_STEPS:
            break
        time.sleep(0.02)
