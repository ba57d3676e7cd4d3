"""Measure how long Prometheus takes to evaluate the rules for many runs, and list the slowest rules.

make bench                                   1,000 runs
.venv/bin/python bench/fleet.py --runs 50    another number of runs
.venv/bin/python bench/fleet.py --rules DIR  other rules, for comparison
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import yaml
from prometheus_client import generate_latest

from vae_exporter._process.settings import check_settings
from vae_exporter._record.recorder import Recorder
from vae_exporter._serve.registry import run_registry
from vae_exporter.stack.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]

INTERVAL_SECONDS = 15
EVALUATIONS = 4
DEADLINE_SECONDS = 300
DEAREST = 12

HEALTHY = {"nll": 0.2, "rec": 0.01, "perception": 0.1, "kl": 1000.0, "total": 0.3}
NAME = "the-run"
STEPS = 600


def exposition(runs: int) -> str:
    """Return the metrics of *runs* healthy runs with one rank each, without GPUs.

    ``NOW`` is a placeholder for the current time.
    """
    settings = check_settings(
        run=NAME,
        rank=0,
        loss_weights={"rec": 10, "perception": 1, "kl": 1e-4},
        band_edges=None,
        info={"model": "vae"},
        outputs_url=None,
        start_step=None,
    )
    recorder = Recorder(definition=settings.definition)
    for step in range(STEPS):
        recorder.observe(step, {**HEALTHY, "learning_rate": 1e-4, "gradient_norm": 0.5})
    text = generate_latest(run_registry(settings, recorder)).decode()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    text = "\n".join(
        f"{line.rpartition(' ')[0]} NOW" if line.startswith("vae_last_step_timestamp") else line for line in lines
    )
    return "".join(f"{text}\n".replace(NAME, f"run-{number:05}") for number in range(runs))


@contextmanager
def served(content: str) -> Iterator[str]:
    """Serve *content* as metrics, and yield the host and port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(content.replace("NOW", str(time.time())).encode())

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


@contextmanager
def prometheus(target: str, rules: Path, folder: Path, program: Path) -> Iterator[str]:
    """Run Prometheus with *target* and *rules*, and yield its URL."""
    config = {
        "global": {"scrape_interval": f"{INTERVAL_SECONDS}s", "evaluation_interval": f"{INTERVAL_SECONDS}s"},
        "rule_files": [str(rules.resolve() / "*.yml")],
        "scrape_configs": [
            {"job_name": "vae-training", "honor_labels": True, "static_configs": [{"targets": [target]}]}
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as free:
        address = f"127.0.0.1:{free.server_port}"
    files = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [program, *files, f"--web.listen-address={address}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


def groups(url: str) -> list[dict[str, Any]]:
    """Return the rule groups of Prometheus at *url*, or none while it is starting."""
    try:
        with urlopen(f"{url}/api/v1/rules", timeout=30) as answer:  # noqa: S310 - http, our own server
            return list(json.load(answer)["data"]["groups"])
    except OSError:
        return []


def evaluations(url: str) -> dict[str, dict[str, list[float]]]:
    """Return the durations of the last evaluations in seconds, by group and rule. ``""`` is the whole group."""
    seconds: dict[str, dict[str, list[float]]] = {}
    seen: set[str] = set()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(1)
        for group in groups(url):
            moment = f"{group['name']} {group['lastEvaluation']}"
            if moment in seen or group["lastEvaluation"].startswith("0001"):
                continue
            seen.add(moment)
            times = seconds.setdefault(group["name"], {})
            times.setdefault("", []).append(group["evaluationTime"])
            for rule in group["rules"]:
                times.setdefault(rule["name"], []).append(rule["evaluationTime"])
        if seconds and all(len(times[""]) > EVALUATIONS for times in seconds.values()):
            break
    return seconds


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1000, help="number of runs (default: %(default)s)")
    parser.add_argument("--rules", type=Path, default=ROOT / "prometheus" / "rules", help="folder of the rule files")
    parser.add_argument("--prometheus", type=Path, default=None, help="Prometheus binary to use")
    options = parser.parse_args()
    content = exposition(options.runs)
    with tempfile.TemporaryDirectory() as folder, served(content) as target:
        program = options.prometheus or find_program("prometheus")
        with prometheus(target, options.rules, Path(folder), program) as url:
            seconds = evaluations(url)
    lines = content.count("\n")
    print(f"{options.runs} runs, {lines:,} series; seconds per evaluation, median of {EVALUATIONS}")
    dearest: list[tuple[float, str]] = []
    for group, times in seconds.items():
        print(f"  {group:14} {statistics.median(times.pop('')[-EVALUATIONS:]):6.3f}")
        dearest += [(statistics.median(of_rule[-EVALUATIONS:]), rule) for rule, of_rule in times.items()]
    print("  slowest rules")
    for second, rule in sorted(dearest, reverse=True)[:DEAREST]:
        print(f"    {second:6.3f}  {rule}")


if __name__ == "__main__":
    main()
