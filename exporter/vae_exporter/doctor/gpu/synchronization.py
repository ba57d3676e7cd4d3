"""Checks that no method which records values synchronizes with the device.

torch raises in each call that synchronizes while its sync debug mode is "error":
https://docs.pytorch.org/docs/stable/generated/torch.cuda.set_sync_debug_mode.html
"""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from vae_exporter.doctor.finding import Finding
from vae_exporter.doctor.gpu.exporters import local_exporter
from vae_exporter.doctor.metrics import scrape
from vae_exporter.vocabulary import PROBED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vae_exporter.doctor.metrics import Scrape
    from vae_exporter.training_exporter import TrainingExporter

CHECK = "synchronization"

STEPS = 200

_FRAMES = (2, 3, 4, 64, 64)


def check(device: torch.device) -> Iterator[Finding]:
    """Yield a finding for torch's own detection, one for each method, and one for the values that arrived."""
    yield _detection(device)
    values = dict(zip(PROBED, torch.rand(len(PROBED), device=device).unbind(), strict=True))
    frames = torch.rand(_FRAMES, device=device)
    with local_exporter() as exporter:
        methods: dict[str, Callable[[int], None]] = {
            "observe": lambda step: exporter.observe(step, **values),
            "observe_log": lambda step: exporter.observe_log(step, {"train/lr": values["nll"]}),
            "observe_probe": lambda step: exporter.observe_probe(step, **values),
            "observe_reconstruction": lambda step: exporter.observe_reconstruction(step, frames, frames, every=1),
        }
        steps = itertools.count()
        for name, method in methods.items():
            yield _calls(exporter, name, method, steps)
        torch.cuda.synchronize(device)
        exporter.observe(next(steps), learning_rate=1e-4)  # delivers what has arrived
        arrived = scrape(str(exporter.url)).value("vae_loss", component="nll", split="train")
    expected = values["nll"].item()
    yield Finding(CHECK, "NLL in the metrics", f"{arrived}", f"{expected} on the device", passed=arrived == expected)


@contextmanager
def synchronization_raises() -> Iterator[None]:
    """Let torch raise in each call that synchronizes with a CUDA device."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


def _detection(device: torch.device) -> Finding:
    value = torch.rand((), device=device)
    raised = False
    with synchronization_raises():
        try:
            value.item()
        except RuntimeError:
            raised = True
    figure = "raises" if raised else "does not raise"
    return Finding(CHECK, "torch detects tensor.item()", figure, "raises", passed=raised)


def _calls(exporter: TrainingExporter, name: str, method: Callable[[int], None], steps: Iterator[int]) -> Finding:
    before = _faults(scrape(str(exporter.url)))
    with synchronization_raises():
        for step in itertools.islice(steps, STEPS):
            method(step)
    faults = _faults(scrape(str(exporter.url))) - before
    what = f"errors in {STEPS} calls of {name} with CUDA tensors, sync debug mode error"
    return Finding(CHECK, what, f"{faults:.0f}", "0", passed=faults == 0)


def _faults(found: Scrape) -> float:
    """Return what the exporter counted: it never raises, so an error in a call is a counted one."""
    return found.total("vae_exporter_errors_total") + found.total("vae_exporter_dropped_observations_total")
