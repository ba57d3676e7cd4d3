"""The script of the demo: one run, from its first step to the page."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.live import Live
from rich.text import Text

from vae_exporter import TrainingExporter
from vae_exporter._serve.http import serve
from vae_exporter.demo import Scenario
from vae_exporter.demo.losses import LOSS_WEIGHTS
from vae_exporter.demo.screen import View, addresses, line, picture
from vae_exporter.demo.trainer import Trainer
from vae_exporter.demo.training import DIVERGING_LEARNING_RATE, Training
from vae_exporter.errors import VaeExporterError
from vae_exporter.pager import PagerSink, pager_app
from vae_exporter.pager.terminal import render
from vae_exporter.report import read_report
from vae_exporter.report import render as render_report
from vae_exporter.runs.standing import Standing, standings
from vae_exporter.simulated_gpu import simulated_gpu
from vae_exporter.stack.client import Alertmanager, AnswerError, Prometheus
from vae_exporter.stack.servers import SHORTENED, alertmanager, prometheus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console

    from vae_exporter.pager import Notification

STORY_SECONDS = 170.0
"""The time limit of each wait. The whole demo takes about half of this on two cores."""

HEALTHY_SECONDS = 8.0
"""How long to watch the healthy run, during which no page may arrive."""

SIMULATED_GPU = "NVIDIA A100-SXM4-80GB (simulated)"

_LOOK_SECONDS = 0.5
_ANSWER_SECONDS = 5.0
_LINE_SECONDS = 5.0


class StoryError(VaeExporterError):
    """The demo did not go as scripted."""


@dataclass(frozen=True)
class _Stage:
    """The run, the servers and the console of one demo."""

    run: str
    trainer: Trainer
    sink: PagerSink
    urls: Mapping[str, str]
    console: Console

    def page(self) -> Notification | None:
        """Return the page about the run, or None if none has arrived."""
        return next(
            (heard for heard in self.sink.notifications if heard.kind == "page" and heard.run == self.run), None
        )


def run_demo(  # noqa: PLR0913 - the options of the command
    scenario: Scenario, *, keep: bool, seed: int, report: Path, console: Console, has_simulated_gpu: bool = False
) -> None:
    """Play *scenario* on *console*, and write the *report*.

    With *keep*, keep all servers running until Ctrl-C.

    Raises:
        StoryError: the run did not become healthy in time, the page did not arrive, or a healthy run was paged.
        StackError: Prometheus or Alertmanager cannot be found or started, or the simulated GPU cannot be built.
    """
    with ExitStack() as stack:
        stage = _set_up(stack, console, seed, has_simulated_gpu=has_simulated_gpu)
        console.print(addresses(stage.urls))
        _become_healthy(stage)
        if scenario is Scenario.DIVERGE:
            _diverge(stage)
        else:
            console.print("\n[bold green]The run is healthy, and no page was sent.")
        _write_report(stage, report)
        if keep:
            console.print("\nThe servers keep running and the training continues. Press Ctrl-C to stop.")
            console.print(addresses(stage.urls))
            while stage.trainer.is_alive():
                time.sleep(_LOOK_SECONDS)


def _set_up(stack: ExitStack, console: Console, seed: int, *, has_simulated_gpu: bool) -> _Stage:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vae-exporter-demo-")))
    run = time.strftime("demo-%Y%m%d-%H%M%S")
    sink = PagerSink()
    pager = serve(pager_app(sink), host="127.0.0.1", port=0)
    stack.callback(pager.close)
    alertmanager_url = stack.enter_context(alertmanager(folder, pager_url=pager.url, intervals=SHORTENED))
    if has_simulated_gpu:
        stack.enter_context(simulated_gpu(folder, SIMULATED_GPU))
        console.print(f"The exported GPU is simulated, and so is its driver: {SIMULATED_GPU}.\n")
    exporter = TrainingExporter(
        run,
        loss_weights=LOSS_WEIGHTS,
        info={"model": "demo causal 3-D VAE", "seed": seed},
        port=0,
        linger_seconds=5,
        gpus="all" if has_simulated_gpu else False,  # the demo trains on the CPU
    ).start()
    url = exporter.url or ""
    prometheus_url = stack.enter_context(
        prometheus(
            folder, targets=[url.removeprefix("http://")], alertmanager_url=alertmanager_url, intervals=SHORTENED
        )
    )
    stack.push(exporter)  # closes before Prometheus does, so that the last scrape gets the end state of the run
    trainer = Trainer(Training(seed=seed), exporter)
    stack.callback(trainer.stop)
    trainer.start()
    urls = {
        "The run's metrics": f"{url}/metrics",
        "Prometheus": prometheus_url,
        "Alertmanager": alertmanager_url,
        "Pager": pager.url,
    }
    return _Stage(run, trainer, sink, urls, console)


def _become_healthy(stage: _Stage) -> None:
    _watch(stage, "Training until Prometheus judges the run healthy.", lambda view: view.standing.verdict == "healthy")
    quiet_until = time.monotonic() + HEALTHY_SECONDS
    _watch(
        stage,
        f"The run is healthy. No page may arrive for {HEALTHY_SECONDS:.0f} seconds.",
        lambda _: stage.page() is not None or time.monotonic() > quiet_until,
    )
    page = stage.page()
    if page:
        stage.console.print(render(page))
        raise StoryError("a page arrived for a healthy run; it is printed above")


def _diverge(stage: _Stage) -> None:
    raised_at, raised_step = time.monotonic(), _step(stage)
    stage.trainer.training.learning_rate = DIVERGING_LEARNING_RATE
    _watch(
        stage,
        f"Raised the learning rate to {DIVERGING_LEARNING_RATE:g} at step {raised_step}. Waiting for the page.",
        lambda _: stage.page() is not None,
    )
    page = stage.page()
    if page is not None:  # always true here, because the watch waited for it
        seconds, steps = time.monotonic() - raised_at, _step(stage) - raised_step
        stage.console.print(
            f"\nThe page arrived {seconds:.0f} s and {steps} steps after the learning rate was raised. "
            "The pager received:\n"
        )
        stage.console.print(render(page))


def _write_report(stage: _Stage, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render_report(read_report(stage.urls["Prometheus"], stage.run)), encoding="utf-8")
    except OSError as error:
        raise StoryError(f"cannot write {path}: {error.strerror or error}; choose another --report") from error
    stage.console.print(Text(f"\nWrote the report of the run. Open it in a browser: {path}", overflow="fold"))


def _step(stage: _Stage) -> int:
    return stage.trainer.progress.step if stage.trainer.progress else 0


def _watch(stage: _Stage, phase: str, is_over: Callable[[View], bool]) -> None:
    """Show the run until *is_over* returns true.

    Raises:
        StoryError: the training failed, or `STORY_SECONDS` passed.
    """
    console = stage.console
    view = View(Standing(stage.run), phase)
    deadline = time.monotonic() + STORY_SECONDS
    next_line = 0.0
    if not console.is_terminal:
        console.print(Text(phase))
    with Live(picture(view), console=console, auto_refresh=False, transient=True) as live:
        while True:
            view = replace(_judged(stage, view), progress=stage.trainer.progress)
            live.update(picture(view), refresh=console.is_terminal)
            if is_over(view):
                break
            if stage.trainer.error:
                raise StoryError("the training failed") from stage.trainer.error
            if time.monotonic() > deadline:
                raise StoryError(f"not done after {STORY_SECONDS:.0f} s: {phase} {line(view)}")
            if not console.is_terminal and time.monotonic() >= next_line:
                console.print(Text(line(view)))
                next_line = time.monotonic() + _LINE_SECONDS
            time.sleep(_LOOK_SECONDS)
    console.print(picture(view) if console.is_terminal else Text(line(view)))


def _judged(stage: _Stage, view: View) -> View:
    """Return *view* with what Prometheus and Alertmanager report now."""
    prometheus = Prometheus(stage.urls["Prometheus"], timeout=_ANSWER_SECONDS)
    alertmanager = Alertmanager(stage.urls["Alertmanager"], timeout=_ANSWER_SECONDS)
    try:
        standing = next((one for one in standings(prometheus) if one.run == stage.run), view.standing)
        alerts = [alert for alert in alertmanager.alerts() if alert["labels"].get("run") == stage.run]
    except AnswerError:  # a busy server is queried again at the next refresh
        return view
    notified = {alert["labels"]["alertname"]: alert["status"]["state"] for alert in alerts}
    return replace(view, standing=standing, notified=notified)
