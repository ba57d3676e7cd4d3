"""All of /metrics, compared with tests/data/metrics.txt. To update it: python tests/serve/test_metrics_text.py."""

from __future__ import annotations

import difflib
import math
import re
import subprocess
from pathlib import Path

import torch
from prometheus_client import generate_latest

from vae_exporter._gpu.facts import AllocatorReading, GpuFacts, GpuIdentity, GpuReading, Health
from vae_exporter._process.settings import check_settings
from vae_exporter._record.baseline import Baseline
from vae_exporter._record.course import Course
from vae_exporter._record.recorder import Recorder
from vae_exporter._serve.registry import run_registry
from vae_exporter.stack.programs import find_program

GOLDEN = Path(__file__).parents[1] / "data" / "metrics.txt"


GPU, SLICE = "GPU-5f8b2c1e-aaaa-4bbb-8ccc-0123456789ab", "MIG-7d1c9b3a-dddd-5eee-8fff-0123456789ab"


def gpu_facts(now: float) -> GpuFacts:
    """Return a GPU that reports every value, with its allocator, and a MIG slice that reports only its memory."""
    a100 = GpuIdentity(GPU, 0, "NVIDIA A100-SXM4-80GB", "00000000:07:00.0", "550.54.15")
    gpu = Health(
        memory_total=85899345920,
        memory_used=64424509440,
        memory_free=20845690880,
        memory_reserved=629145600,
        process_memory=62277025792,
        temperature=52,
        memory_temperature=64,
        power=315.25,
        energy=8123456.789,
        utilization=0.98,
        memory_bandwidth_utilization=0.47,
        clocks={"graphics": 1_410_000_000, "sm": 1_410_000_000, "memory": 1_593_000_000, "video": 1_275_000_000},
        throttled={"gpu_idle": False, "sw_power_cap": True, "hw_thermal_slowdown": False},
        ecc_errors={"corrected": 3, "uncorrected": 0},
        remapped_rows={"corrected": 0, "uncorrected": 1},
        remap_pending=True,
        remap_failed=False,
    )
    identity = GpuIdentity(SLICE, 1, "NVIDIA A100-SXM4-80GB", "00000000:0F:00.0", "550.54.15", "1g.10gb")
    part = Health(memory_total=10737418240, memory_used=5368709120, memory_free=5368709120, memory_reserved=0)
    held = {"allocated": 48_000_000_000, "reserved": 60_000_000_000, "active": 48_000_000_000}
    stats = {(kind, stat): held[kind] for kind in held for stat in ("current", "peak")}
    more = {("inactive_split", "current"): 2_000_000_000, ("requested", "peak"): 47_500_000_000}
    return GpuFacts(
        gpus=(
            GpuReading(a100, gpu, now - 2, xid_errors={63: 1}),
            GpuReading(identity, part, now - 2, is_lost=True),
        ),
        allocators=(AllocatorReading(GPU, stats | more, retries=2, out_of_memory=1, segments=420),),
        answers={"gpu": False, "allocator": True},
    )


def metrics_text() -> str:
    """Return the metrics of a run that uses every feature, with fixed text where machines differ."""
    settings = check_settings(
        run='bs4 "golden"',
        rank=0,
        loss_weights={"rec": 10, "perception": 1, "kl": 1e-4},
        band_edges={"rec": {"min": 0.01, "max": 0.06}},
        info={"model": "causal-vae", "batch_size": 4},
        outputs_url="https://example.com/samples/step-{step}.png",
        outputs_every=500,
        start_step=1000,
    )
    now = 1_700_000_000.0
    course = Course()
    for step in range(1000, 1420):
        course.observe(step, None, 0.375, 0.25)
    recorder = Recorder(
        start_step=settings.start_step,
        definition=settings.definition,
        baseline=Baseline(course, end_growth=1.25),
        clock=lambda: now,
        monotonic=lambda: now,
    )
    for step in range(1000, 1420):
        if step > 1100 and step % 100 == 0:
            recorder.observe(step - 1, {"nll": 0.75}, split="validation")
        now += 0.5 if step % 7 else 3.0
        rec, perception = 0.0625 - (step - 1000) / 16384, 0.125
        losses = {"nll": 10 * rec + perception, "rec": rec, "perception": perception, "kl": 4096.0}
        recorder.observe(step, {**losses, "total": losses["nll"] + 1e-4 * losses["kl"], "epoch": step // 400})
        if step == 1399:
            recorder.observe(step, {"discriminator_factor": 0.0})
        if step >= 1400:  # the discriminator starts late, and its losses come in a separate call
            adversarial = {"generator": -0.25, "discriminator": 0.5 if step % 2 else math.nan}
            recorder.observe(step, {**adversarial, "discriminator_factor": 1.0})
    optimizer = {"learning_rate": 1e-4, "gradient_norm": 2.5, "loss_scale": 65536.0, "logvar": 0.25}
    recorder.observe(1420, {**optimizer, "nll": math.inf, "kl": "not a number"})
    recorder.observe(1421, {"total": math.inf}, skipped=True)
    recorder.observe(1421, {"nll": 0.75}, split="validation")
    recorder.observe_probe(1421, {"nll": 0.5, "rec": 0.0375})
    recorder.gauge("psnr", 31.5)
    frames = torch.ones(1, 3, 2, 16, 16)
    frames[..., 8:] = -1
    recorder.observe_reconstruction(1421, frames, frames / 2, data_range=5.0)  # exactly 20 decibels
    text = generate_latest(run_registry(settings, recorder, lambda: gpu_facts(now))).decode()
    text = re.sub(r'python="[^"]*"', 'python="3"', text)
    text = re.sub(r"e\+0(\d\d)$", r"e+\1", text, flags=re.MULTILINE)  # prometheus-client before 0.26 writes 1e+010
    text = re.sub(r"^(vae_exporter_clock_timestamp_seconds\{.*\}) .*$", r"\1 1.7e+09", text, flags=re.MULTILINE)
    return re.sub(r"^(vae_exporter_collector_duration_seconds\{.*\}) .*$", r"\1 0.001", text, flags=re.MULTILINE)


def test_all_metrics() -> None:
    expected, actual = GOLDEN.read_text().splitlines(), metrics_text().splitlines()
    difference = "\n".join(difflib.unified_diff(expected, actual, str(GOLDEN), "/metrics", n=1, lineterm=""))
    assert expected == actual, f"{difference}\nIf this change is intended, update the file: python {__file__}"


def test_promtool_accepts_all_metrics() -> None:
    with GOLDEN.open() as metrics:
        checked = subprocess.run(
            [find_program("promtool"), "check", "metrics"],
            stdin=metrics,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


if __name__ == "__main__":
    GOLDEN.write_text(metrics_text())
