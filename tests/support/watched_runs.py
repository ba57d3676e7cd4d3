"""Recorded and synthetic runs, compressed in time, in a Prometheus that judges them."""

from __future__ import annotations

import json
import re
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import torch
from deadline import wait_until
from recorded_runs import LOSS_WEIGHTS, recorded_steps

from vae_exporter import TrainingExporter
from vae_exporter._record.baseline import FILE_FIELD, Baseline
from vae_exporter._record.course import Course
from vae_exporter._serve.http import reply, serve
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.servers import Intervals, prometheus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

STEPS_A_SECOND = 60
"""The pace of the replay. The recorded runs took 3 seconds for each step."""

RESUMED_AT = 400

FRAMES = torch.rand(1, 3, 4, 32, 32, generator=torch.Generator().manual_seed(0))
BLURRED = torch.nn.functional.avg_pool3d(FRAMES, (1, 5, 5), stride=1, padding=(0, 2, 2))

INTERVALS = Intervals(scrape="200ms", evaluation="200ms")

RUNS = ("good_run", "bad_run", "full_run")
"""The two recorded runs, and a run with two ranks that uses every feature."""


@dataclass(frozen=True)
class WatchedRuns:
    """A Prometheus at *url* that has scraped `RUNS` from *start* to *end*, in Unix seconds. They are still running."""

    url: str
    start: float
    end: float


@contextmanager
def watched_runs(folder: Path) -> Iterator[WatchedRuns]:
    """Run a Prometheus with its data in *folder*, replay the runs, and keep both running."""
    with ExitStack() as stack:
        recorded = {name: _start(stack, name, outputs_url=f"https://example.org/{name}") for name in RUNS[:2]}
        before = folder / "before.json"
        before.write_text(json.dumps({FILE_FIELD: _run_before().as_dict()}))
        full = [
            _start(stack, "full_run", rank=rank, info={"model": "causal-vae"}, baseline=before) for rank in range(2)
        ]
        targets = [str(exporter.url).removeprefix("http://") for exporter in (*recorded.values(), *full)]
        gpus = serve(_gpus_of("full_run"), host="127.0.0.1", port=0)
        stack.callback(gpus.close)
        server = prometheus(
            folder,
            targets=[*targets, f"127.0.0.1:{gpus.port}"],
            alertmanager_url="http://127.0.0.1:1",
            intervals=INTERVALS,
        )
        url = stack.enter_context(server)
        wait_until(lambda: len(Prometheus(url).query("vae_run_info")) == len(targets), "Prometheus sees the runs")
        start = time.time()
        began = time.monotonic()
        for steps in zip_longest(*map(recorded_steps, recorded)):
            for exporter, step in zip(recorded.values(), steps, strict=True):
                if step is not None:
                    exporter.observe(step.number, **step.losses, learning_rate=step.learning_rate)
            number = max(step.number for step in steps if step is not None)
            if number <= 840:  # the bad run is over: the rest of the good run needs no pace
                if number == RESUMED_AT:
                    full[1] = _resume(stack, full[1])
                _tell_all(full, number)
                time.sleep(max(0.0, began + number / STEPS_A_SECOND - time.monotonic()))
        for name in recorded:
            judged = f'run_rank:vae_step:max{{run="{name}"}} == {last_step(name)}'
            wait_until(lambda judged=judged: bool(Prometheus(url).query(judged)), f"the end of {name} is judged")  # type: ignore[misc]
        wait_until(
            lambda: bool(Prometheus(url).query('run:vae_verdict{run="full_run",verdict="stop"}')),
            "the NaN of the full run",
        )
        yield WatchedRuns(url, start, time.time())


def last_step(run: str) -> int:
    """Return the last step of a recorded run."""
    return max(step.number for step in recorded_steps(run))


def _start(stack: ExitStack, run: str, **settings: Any) -> TrainingExporter:  # noqa: ANN401 - of TrainingExporter
    common: dict[str, Any] = {"loss_weights": {**LOSS_WEIGHTS, "kl": 1e-4}, "port": 0, "linger_seconds": 0}
    return stack.enter_context(TrainingExporter(run, **{**common, **settings}))


def _run_before() -> Baseline:
    course = Course()
    for step in range(1000):
        course.observe(step, None, 0.17, 0.16)
    return Baseline(course, end_growth=1.05)


def _gpus_of(run: str) -> WSGIApplication:
    """Serve the GPUs of the golden file as those of *run*, whose ranks share the first GPU."""
    golden = (Path(__file__).parents[1] / "data" / "metrics.txt").read_text()
    lines = [line for line in golden.splitlines() if re.match(r"vae_(gpu|cuda)_", line)]
    own = [line for line in lines if line.startswith("vae_cuda_allocator_bytes")]
    lines += [re.sub(r'rank="\d+"(.*) \S+$', r'rank="1"\1 1e9', line) for line in own]
    text = "".join(re.sub(r'run="(?:[^"\\]|\\.)*"', f'run="{run}"', line) + "\n" for line in lines)

    def app(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return reply(start_response, "200 OK", "text/plain; version=0.0.4", text)

    return app


def _resume(stack: ExitStack, rank: TrainingExporter) -> TrainingExporter:
    """End a rank of the full run, and resume it at the same address, as from a checkpoint."""
    port = urlsplit(rank.url or "").port
    rank.close()
    return _start(stack, "full_run", rank=1, info={"model": "causal-vae"}, start_step=RESUMED_AT, port=port)


def _tell_all(ranks: list[TrainingExporter], number: int) -> None:
    """Observe every value: a GAN with a scaler, whose discriminator starts and which ends in NaN."""
    started = number >= 300
    for exporter in ranks:
        exporter.observe(
            number,
            nll=float("nan") if number == 830 else 0.16,
            rec=0.009,
            perception=0.07,
            kl=9000.0,
            total=0.17,
            generator=-0.3,
            discriminator=0.9,
            learning_rate=1e-4 if started else 4e-4,
            gradient_norm=1.5,
            loss_scale=65536.0,
            discriminator_factor=1.0 if started else 0.0,
            epoch=number // 200,
            skipped=number % 100 == 50,
        )
        exporter.gauge("psnr", 31.5)
        if number % 50 == 0:
            exporter.observe_probe(number, nll=0.15)
        exporter.observe_reconstruction(number, FRAMES, BLURRED)
