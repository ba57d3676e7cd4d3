"""Ranks that train together, are good for 150 steps, then diverge until the file TOLD appears.

torchrun diverging_ranks.py RUN TARGETS_DIR TOLD
"""

from __future__ import annotations

import sys
import time
from itertools import count
from pathlib import Path

import torch
import torch.distributed as dist

from vae_exporter import TrainingExporter

GOOD_STEPS = 150

run, targets_dir, told = sys.argv[1:]

dist.init_process_group("gloo")
try:
    with TrainingExporter(run, port=0, targets_dir=targets_dir, linger_seconds=10) as exporter:
        for step in count():
            is_told = torch.tensor(float(Path(told).exists()))
            dist.all_reduce(is_told)  # all ranks must stop at the same step, otherwise some would wait for the others
            if is_told:
                break
            exporter.observe(step, nll=torch.tensor(0.15 if step < GOOD_STEPS else 1.0))
            time.sleep(0.02)
finally:
    dist.destroy_process_group()
