"""Whole processes in which only the driver is simulated. Its library is found like the real one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from children import finished

from vae_exporter.simulated_gpu import LIBRARY, STATE_VARIABLE, SimulatedDriver, a100

if TYPE_CHECKING:
    import subprocess

DEADLINE_SECONDS = 60

PRELUDE = """
import os, sys, threading
from deadline import wait_until
from http_get import get
from scraping import scrape
from vae_exporter import TrainingExporter

def gpu_lines(exporter):
    return [line for line in get(exporter.url + "/metrics").text.splitlines() if "vae_gpu_" in line]

def is_sampled(exporter):
    return scrape(exporter.url)["vae_exporter_collector_success gpu"] == 1

def calls():
    return open(os.environ["CALLS"]).read()

def sampler_threads():
    return [thread.name for thread in threading.enumerate() if thread.name == "vae-gpu"]
"""


@pytest.fixture
def driver(tmp_path: Path) -> SimulatedDriver:
    driver = SimulatedDriver(tmp_path / "driver.txt", [a100()])
    driver.answer("calls", tmp_path / "calls")
    (tmp_path / "calls").touch()
    return driver


def run(script: str, driver: SimulatedDriver, libraries: Path) -> subprocess.CompletedProcess[str]:
    """Run *script* with a dynamic linker that searches the folder *libraries* first."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[1] / "support"),
        "LD_LIBRARY_PATH": str(libraries),
        STATE_VARIABLE: str(driver.file),
        "CALLS": str(driver.file.with_name("calls")),
    }
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    return finished([sys.executable, "-c", PRELUDE + dedent(script)], seconds=DEADLINE_SECONDS, env=environment)


def succeed(script: str, driver: SimulatedDriver, built_driver: Path) -> str:
    done = run(script, driver, built_driver.parent)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_a_training_process_exports_its_gpu(driver: SimulatedDriver, built_driver: Path) -> None:
    script = """
        with TrainingExporter("bs4", port=0, linger_seconds=0, gpu_sample_seconds=0.1) as exporter:
            wait_until(lambda: is_sampled(exporter), "a reading")
            print(*gpu_lines(exporter), sep="\\n")
    """
    output = succeed(script, driver, built_driver)
    assert 'name="NVIDIA A100-SXM4-80GB"' in output
    assert (
        'vae_gpu_temperature_celsius{gpu="GPU-00000000-c1a0-4000-8000-00000000a100",rank="0",run="bs4"} 52.0' in output
    )


def test_a_process_that_cannot_be_scraped_pushes_its_gpu(driver: SimulatedDriver, built_driver: Path) -> None:
    script = """
        from otlp_receiver import otlp_receiver

        os.environ["OTEL_METRIC_EXPORT_INTERVAL"] = "100"
        with otlp_receiver() as receiver:
            # an address for documentation: RFC 5737
            with TrainingExporter("bs4", host="192.0.2.1", gpu_sample_seconds=0.1, otlp_endpoint=receiver.url):
                wait_until(lambda: "vae_gpu_temperature_celsius" in receiver.metrics, "a reading")
            (point,) = receiver.metrics["vae_gpu_temperature_celsius"].gauge.data_points
            print(point.as_double)
    """
    done = run(script, driver, built_driver.parent)
    assert (done.returncode, done.stdout) == (0, "52.0\n"), done.stderr


def test_a_missing_driver_is_logged_once(driver: SimulatedDriver, tmp_path: Path) -> None:
    (tmp_path / "libraries").mkdir()
    (tmp_path / "libraries" / LIBRARY).write_bytes(b"")  # found before the machine's driver, but not a library
    script = """
        with TrainingExporter("bs4", port=0, linger_seconds=0, gpu_sample_seconds=0.1) as exporter:
            wait_until(lambda: exporter._recorder.failures._told, "the line")
            print(*gpu_lines(exporter), scrape(exporter.url)["vae_exporter_collector_success gpu"])
    """
    done = run(script, driver, tmp_path / "libraries")
    assert (done.returncode, done.stdout) == (0, "0.0\n"), done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "no GPU metrics are exported because the NVIDIA driver library, libnvidia-ml.so.1, cannot be"
    )


def test_a_scrape_never_calls_the_driver(driver: SimulatedDriver, built_driver: Path) -> None:
    script = """
        exporter = TrainingExporter("bs4", port=0, linger_seconds=0, gpu_sample_seconds=60).start()
        wait_until(lambda: is_sampled(exporter), "a reading")
        before = calls()
        for _ in range(50):
            assert gpu_lines(exporter)
        print(calls() == before != "")
        exporter.close()
    """
    assert succeed(script, driver, built_driver) == "True\n"


@pytest.mark.parametrize("key", ["init", "gpu.0.uuid", "gpu.0.power"])
def test_a_driver_that_hangs_blocks_neither_scrapes_nor_the_exit(
    driver: SimulatedDriver, built_driver: Path, key: str
) -> None:
    driver.answer(key, "hang")
    script = """
        with TrainingExporter("bs4", port=0, linger_seconds=0) as exporter:
            wait_until(calls, "a call")
            for _ in range(50):
                assert not is_sampled(exporter)
        print(sampler_threads())
    """
    assert succeed(script, driver, built_driver) == "['vae-gpu']\n"


def test_a_forked_child_does_not_read_gpus(driver: SimulatedDriver, built_driver: Path) -> None:
    script = """
        exporter = TrainingExporter("bs4", port=0, linger_seconds=0, gpu_sample_seconds=0.1).start()
        wait_until(lambda: is_sampled(exporter), "a reading")
        child = os.fork()
        if child == 0:
            os._exit(len(os.listdir("/proc/self/task")) - 1)
        print(os.waitpid(child, 0)[1], sampler_threads())
        exporter.close()
        print(sampler_threads())
    """
    done = run("import warnings; warnings.simplefilter('ignore')\n" + dedent(script), driver, built_driver.parent)
    assert (done.returncode, done.stdout) == (0, "0 ['vae-gpu']\n[]\n"), done.stderr


def test_gpus_false_disables_gpu_metrics(driver: SimulatedDriver, built_driver: Path) -> None:
    script = """
        with TrainingExporter("bs4", port=0, linger_seconds=0, gpus=False) as exporter:
            print(gpu_lines(exporter), sampler_threads(), "pynvml" in sys.modules)
            print([name for name in scrape(exporter.url) if "success" in name and (" gpu" in name or "alloc" in name)])
    """
    assert succeed(script, driver, built_driver) == "[] [] False\n[]\n"
