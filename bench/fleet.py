"""Measure how long Prometheus takes to evaluate the rules for many runs, and list the slowest rules.

Rules that read the last hour, or the last day, are slower once a server is that old. So a first server records each
series once, and the server that is measured starts with a past of these values. As in any server, the newest hour is in
the head of its storage, by a scrape of samples with timestamps, and the day before in blocks, written by `promtool`.

make bench BENCH=bench/fleet.py                      1,000 runs
make bench BENCH=bench/fleet.py ARGS='--runs 50'     another number of runs
make bench BENCH=bench/fleet.py ARGS='--rules DIR'   other rules, for comparison
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote
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
FILL_SECONDS = 60
"""How long the scrape of the newest hour may take."""
HEAD_SECONDS = 3600
"""The head of a storage accepts samples that are at most this much older than its newest one."""
SLOWEST = 12
HOURS = {"h": 1, "d": 24}
LONG_RANGE = re.compile(r"\(\s*([\w:]+)(?:\{[^}]*\})?\[(\d+)([hd])\w*\]")
"""A series that a rule reads over hours or days."""

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
def prometheus(target: str, rules: Path | None, folder: Path, program: Path) -> Iterator[str]:
    """Run Prometheus with *target* and *rules*, and yield its URL. Its storage is in *folder*.

    Without rules, *target* serves recorded series of the newest hour, which takes longer to scrape.
    """
    interval = f"{INTERVAL_SECONDS if rules else FILL_SECONDS}s"
    scraped: dict[str, Any] = {"job_name": "vae-training", "honor_labels": True}
    scraped["static_configs"] = [{"targets": [target]}]
    if not rules:  # recorded series do not have the labels of a target
        scraped["metric_relabel_configs"] = [{"action": "labeldrop", "regex": "job|instance"}]
    config = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": [str(rules.resolve() / "*.yml")] if rules else [],
        "scrape_configs": [scraped],
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


def data(url: str, path: str) -> dict[str, Any]:
    """Return what Prometheus at *url* answers at *path*."""
    with urlopen(f"{url}/api/v1/{path}", timeout=60) as answer:  # noqa: S310 - http, our own server
        answered: dict[str, Any] = json.load(answer)["data"]
        return answered


def groups(url: str) -> list[dict[str, Any]]:
    """Return the rule groups of Prometheus at *url*, or none while it is starting."""
    try:
        return list(data(url, "rules")["groups"])
    except OSError:
        return []


def read_past(rules: Path) -> Iterator[tuple[str, str, range]]:
    """Yield each series that *rules* read over hours: its name, a query for it, and the ages of its samples."""
    files = [yaml.safe_load(file.read_text()) for file in sorted(rules.glob("*.yml"))]
    all_groups = [group for file in files for group in file["groups"]]
    hours: dict[str, int] = {}
    for expression in (rule["expr"] for group in all_groups for rule in group["rules"]):
        for name, number, unit in LONG_RANGE.findall(expression):
            hours[name] = max(hours.get(name, 0), int(number) * HOURS[unit])
    for group in all_groups:
        minutes = int(group.get("interval", "0m").removesuffix("m"))
        for rule in group["rules"]:
            name = rule.get("record")
            if name in hours:  # a series that is recorded seldom may not be there yet
                query, interval = (rule["expr"], 60 * minutes) if minutes else (name, INTERVAL_SECONDS)
                yield name, query, range(3600 * hours.pop(name), 0, -interval)


class Past(NamedTuple):
    """A series that always had *value*: its name with labels, and how many seconds ago its samples are."""

    name: str
    value: str
    ages: range


def past(url: str, rules: Path) -> list[Past]:
    """Return each series that *rules* read over hours, with the value that it has in Prometheus at *url*."""
    series = []
    for name, query, ages in read_past(rules):
        for one in data(url, f"query?query={quote(query)}")["result"]:
            labels = ",".join(f'{label}="{value}"' for label, value in one["metric"].items() if label != "__name__")
            series.append(Past(f"{name}{{{labels}}}", one["value"][1], ages))
    return series


def store(series: list[Past], folder: Path, program: Path) -> int:
    """Write the past of *series* into the storage in *folder*. Return the number of samples."""
    now = int(time.time())
    text = folder / "past.txt"
    count = 0
    with text.open("w") as file:
        for name, value, ages in series:
            older = [age for age in ages if age > HEAD_SECONDS]
            file.writelines(f"{name} {value} {now - age}\n" for age in older)
            count += len(older)
        file.write("# EOF\n")
    options: list[str | Path] = ["--max-block-duration=24h", "openmetrics"]
    command = [program.with_name("promtool"), "tsdb", "create-blocks-from", *options, text, folder / "data"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
    text.unlink()

    now = int(time.time()) - FILL_SECONDS  # the scrape may begin a little before it is over
    lines = [f"{name} {value} {now - age}000" for name, value, ages in series for age in ages if age <= HEAD_SECONDS]
    with served("\n".join([*lines, ""])) as target, prometheus(target, None, folder, program) as url:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not is_scraped(url):
            if time.monotonic() > deadline:
                raise SystemExit(f"Prometheus has not stored the newest hour within {DEADLINE_SECONDS} s")
            time.sleep(1)
    return count + len(lines)


def is_scraped(url: str) -> bool:
    """Return whether Prometheus at *url* has stored a scrape."""
    try:
        return any(float(one["value"][1]) for one in data(url, "query?query=scrape_samples_scraped")["result"])
    except OSError:
        return False


def evaluations(url: str, number: int) -> dict[str, dict[str, list[float]]]:
    """Return the durations of more than *number* evaluations in seconds, by group and rule. ``""`` is the whole group.

    A group that is evaluated more seldom than every `INTERVAL_SECONDS` has fewer.
    """
    seconds: dict[str, dict[str, list[float]]] = {}
    seen: set[str] = set()
    frequent: set[str] = set()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(1)
        for group in groups(url):
            moment = f"{group['name']} {group['lastEvaluation']}"
            if moment in seen or group["lastEvaluation"].startswith("0001"):
                continue
            seen.add(moment)
            if group["interval"] <= INTERVAL_SECONDS:
                frequent.add(group["name"])
            times = seconds.setdefault(group["name"], {})
            times.setdefault("", []).append(group["evaluationTime"])
            for rule in group["rules"]:
                times.setdefault(rule["name"], []).append(rule["evaluationTime"])
        if frequent and all(len(seconds[name][""]) > number for name in frequent):
            return seconds
    raise SystemExit(f"Prometheus has not evaluated the rules {number + 1} times within {DEADLINE_SECONDS} s")


def resident_gibibytes(url: str) -> float:
    """Return the resident memory of Prometheus at *url* in GiB."""
    with urlopen(f"{url}/metrics", timeout=60) as answer:  # noqa: S310 - likewise
        lines = answer.read().decode().splitlines()
    value = next(line.split()[1] for line in lines if line.startswith("process_resident_memory_bytes "))
    return float(value) / 2**30


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000, help="number of runs (default: %(default)s)")
    parser.add_argument("--rules", type=Path, default=ROOT / "prometheus" / "rules", help="folder of the rule files")
    parser.add_argument("--prometheus", type=Path, default=None, help="Prometheus binary to use")
    options = parser.parse_args()
    content = exposition(options.runs)
    with tempfile.TemporaryDirectory() as folder, served(content) as target:
        program = options.prometheus or find_program("prometheus")
        first, aged = Path(folder, "first"), Path(folder, "aged")
        for one in (first, aged):
            one.mkdir()
        with prometheus(target, options.rules, first, program) as url:
            evaluations(url, 2)
            series = past(url, options.rules)
        samples = store(series, aged, program)
        with prometheus(target, options.rules, aged, program) as url:
            seconds = evaluations(url, EVALUATIONS)
            memory = resident_gibibytes(url)
    exported = content.count("\n")
    print(f"{options.runs} runs, {exported:,} series, {samples:,} older samples of recorded ones, {memory:.1f} GiB")
    print(f"  seconds per evaluation, median of {EVALUATIONS}")
    slowest: list[tuple[float, str]] = []
    for group, times in seconds.items():
        print(f"  {group:14} {statistics.median(times.pop('')[-EVALUATIONS:]):6.3f}")
        slowest += [(statistics.median(of_rule[-EVALUATIONS:]), rule) for rule, of_rule in times.items()]
    print("  slowest rules")
    for second, rule in sorted(slowest, reverse=True)[:SLOWEST]:
        print(f"    {second:6.3f}  {rule}")


if __name__ == "__main__":
    main()
