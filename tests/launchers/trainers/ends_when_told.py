"""Ranks that train together until the file TOLD has an order: "nan" or, for one rank, "raise RANK".

torchrun ends_when_told.py RUN TARGETS_DIR TOLD
"""

from __future__ import annotations

import os
import sys
import time
from itertools import count
from pathlib import Path

import torch
import torch.distributed as dist

from vae_exporter import TrainingExporter

run, targets_dir, told = sys.argv[1:]

exporter = TrainingExporter(run, port=0, targets_dir=targets_dir)
dist.init_process_group("gloo")
(Path(told).parent / f"{run}-{dist.get_rank()}.pid").write_text(str(os.getpid()))
with exporter:
    for step in count():
        exporter.observe(step, nll=torch.tensor(0.15))
        order = Path(told).read_text() if Path(told).exists() else ""
        if order == "nan":
            exporter.observe(step + 1, nll=torch.tensor(float("nan")))
            sys.exit(1)
        if order == f"raise {dist.get_rank()}":
            raise RuntimeError("CUDA error")
        time.sleep(0.05)
