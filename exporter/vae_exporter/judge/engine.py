"""Evaluate the shipped rules with Prometheus's own engine, through ``promtool test rules``.

Every expectation of the unit test is empty, so every one fails, and promtool prints what it got instead: the samples,
and the firing alerts with their labels and annotations. This module parses that output, whose format is the same from
promtool 2.42 to 3.x.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from vae_exporter.errors import StackError
from vae_exporter.judge.simulation import SCRAPE_SECONDS
from vae_exporter.stack.files import stack_folder
from vae_exporter.stack.programs import find_program
from vae_exporter.vocabulary import EDGE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vae_exporter.judge.simulation import Scrapes

LIVE_RULES = frozenset({"liveness.yml", "gpu.yml"})
"""Rules that judge a live process. They do not apply to a log: its end is not a crash, and it has no GPU metrics."""

_RECORDED = (
    "run:vae_verdict",
    "run:vae_nll_band",
    "run:vae_nll:mean",
    "run:vae_nll_rise_cause",
    # only for the report
    "run:vae_nll:short_mean",
    "run:vae_baseline:mean",
    "run_component:vae_loss:contribution",
)
_QUERY = f'{{__name__=~"{"|".join(_RECORDED)}"}}'
_EDGES = f'{{__name__=~"{EDGE_PREFIX}.+"}} unless on (run) run:vae_nll:bands_unfit'
"""Asked at the end alone: they do not change."""

_EXPRESSION = re.compile(r'\s*expr: "(?:[^"\\]|\\.)*", time: (?P<time>\w+),')
_ALERT = re.compile(r"\s*alertname: [^,]*, time: (?P<time>\w+),")
_GOT_SAMPLES = re.compile(r"\s*got: ?(?P<samples>\{.*)")
_LABELS = re.compile(r"\s*Labels:\{(?P<pairs>.*)\}")
_ANNOTATIONS = re.compile(r"\s*Annotations:\{(?P<pairs>.*)\}")
_SAMPLE = re.compile(r'\{(?P<pairs>(?:[^"{}]|"(?:[^"\\]|\\.)*")*)\} (?P<value>[-+.\w]+)')
_PAIR = re.compile(r'(?P<name>\w+)="(?P<value>(?:[^"\\]|\\.)*)"')
_EXPECTED = re.compile(r"^\s*(?:expr|alertname): ", re.MULTILINE)
_BROKEN_RULE = re.compile(r"^\s*rule: .*, err: .*", re.MULTILINE)
_KEEPING = re.compile(r"^ *keep_firing_for: .*\n", re.MULTILINE)
_KEPT = re.compile(r"^ *- alert: (\w+)\n(?:(?! *- ).*\n)*? *keep_firing_for: ", re.MULTILINE)
_DURATION = re.compile(r"(\d+)(ms|[wdhmsy])")
_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}


Samples: TypeAlias = "Mapping[str, Sequence[tuple[Mapping[str, str], float]]]"
"""Samples by the name of their series: their other labels, and the value."""


@dataclass(frozen=True)
class FiringAlert:
    """An alert that fires at one evaluation."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def name(self) -> str:
        """The value of the label ``alertname``."""
        return self.labels.get("alertname", "")


@dataclass(frozen=True)
class Moment:
    """One evaluation of the rules: the recorded samples (labels, value) by series name, and the firing alerts."""

    samples: Samples
    alerts: Sequence[FiringAlert]


def rule_files() -> list[Path]:
    """Return the shipped rule files that can judge a log."""
    folder = stack_folder() / "prometheus" / "rules"
    return [file for file in sorted(folder.glob("*.yml")) if file.name not in LIVE_RULES]


def kept_alerts(rules: Iterable[Path]) -> frozenset[str]:
    """Return the names of the alerts in *rules* that keep firing for a time after their condition ends."""
    return frozenset(name for file in rules for name in _KEPT.findall(file.read_text(encoding="utf-8")))


def evaluate(scrapes: Scrapes, rules: Iterable[Path]) -> list[Moment]:
    """Evaluate *rules* at each of *scrapes*. No alert fires for longer than its condition holds.

    A scrape of a long run stands for many steps, so the ten minutes for which some alerts keep firing would be
    thousands of steps.

    Raises:
        StackError: promtool is missing, or cannot evaluate the rules.
    """
    with tempfile.TemporaryDirectory(prefix="vae-exporter-rules-") as folder:
        return _evaluate(scrapes, [_without_keeping(file, Path(folder)) for file in rules])


def _without_keeping(file: Path, folder: Path) -> Path:
    copy = folder / file.name
    copy.write_text(_KEEPING.sub("", file.read_text(encoding="utf-8")), encoding="utf-8")
    return copy


def _evaluate(scrapes: Scrapes, files: Sequence[Path]) -> list[Moment]:
    times = [f"{SCRAPE_SECONDS * index}s" for index in range(len(scrapes))]
    names = _alert_names(files)
    test = rule_test(
        files,
        [scrapes],
        promql_expr_test=[
            *({"expr": _QUERY, "eval_time": time, "exp_samples": []} for time in times),
            {"expr": _EDGES, "eval_time": times[-1], "exp_samples": []},
        ],
        alert_rule_test=[{"eval_time": time, "alertname": name, "exp_alerts": []} for time in times for name in names],
    )
    return read_moments(run_promtool(test), len(scrapes))


def ask(scrapes: Scrapes, rules: Iterable[Path], query: str, *, at: Sequence[int] | None = None) -> list[Samples]:
    """Return what *query* yields after *rules* were evaluated, at each of *scrapes* or at those with the indexes *at*.

    Raises:
        StackError: promtool is missing, or cannot evaluate the rules.
    """
    indexes = range(len(scrapes)) if at is None else at
    expected = [{"expr": query, "eval_time": f"{SCRAPE_SECONDS * index}s", "exp_samples": []} for index in indexes]
    moments = read_moments(run_promtool(rule_test(rules, [scrapes], promql_expr_test=expected)), len(scrapes))
    return [moments[index].samples for index in indexes]


def rule_test(rules: Iterable[Path], runs: Iterable[Scrapes], **expectations: object) -> dict[str, Any]:
    """Return a promtool unit test of *rules* over *runs*, with *expectations* under the names that promtool uses."""
    series = [{"series": name, "values": values} for run in runs for name, values in run.series()]
    interval = f"{SCRAPE_SECONDS}s"
    return {
        "rule_files": [str(path) for path in rules],
        "evaluation_interval": interval,
        "tests": [{"interval": interval, "input_series": series, **expectations}],
    }


def read_moments(output: str, count: int) -> list[Moment]:
    """Parse *count* moments from the output of promtool."""
    samples: list[dict[str, list[tuple[Mapping[str, str], float]]]] = [{} for _ in range(count)]
    alerts: list[list[FiringAlert]] = [[] for _ in range(count)]
    index, labels = 0, {}
    for line in output.splitlines():
        if found := _EXPRESSION.match(line) or _ALERT.match(line):
            index = round(_seconds(found["time"]) / SCRAPE_SECONDS)
        elif found := _GOT_SAMPLES.match(line):
            for sample in _SAMPLE.finditer(found["samples"]):
                pairs = _pairs(sample["pairs"])
                samples[index].setdefault(pairs.pop("__name__", ""), []).append((pairs, float(sample["value"])))
        elif found := _LABELS.match(line):
            labels = _pairs(found["pairs"])
        elif found := _ANNOTATIONS.match(line):
            alerts[index].append(FiringAlert(labels, _pairs(found["pairs"])))
    return [Moment(*parts) for parts in zip(samples, alerts, strict=True)]


def _alert_names(rules: Iterable[Path]) -> list[str]:
    """Return the names of the alerts in *rules*. promtool reports only alerts that a test names."""
    return [
        name for file in rules for name in re.findall(r"^\s*-?\s*alert: *[\"']?(\w+)", file.read_text(), re.MULTILINE)
    ]


def run_promtool(test: Mapping[str, Any]) -> str:
    """Return what promtool prints about the unit test *test*.

    Raises:
        StackError: there is no promtool, or it cannot evaluate the rules.
    """
    program = find_program("promtool")
    with tempfile.TemporaryDirectory(prefix="vae-exporter-judge-") as folder:
        file = Path(folder, "test.yml")
        file.write_text(json.dumps(test, ensure_ascii=False), encoding="utf-8")  # valid YAML, and faster to write
        done = subprocess.run(  # noqa: S603 - our own command
            [program, "test", "rules", file],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            env={"GOGC": "400", **os.environ},  # faster, with more memory
        )
    output = done.stdout + done.stderr
    failed = _BROKEN_RULE.search(output)
    if failed is None and (done.returncode == 0 or _EXPECTED.search(output)):
        return output
    raise StackError(f"promtool cannot evaluate the rules: {failed[0] if failed else output.strip()[-1000:]}")


def _pairs(text: str) -> dict[str, str]:
    return {found["name"]: _unquoted(found["value"]) for found in _PAIR.finditer(text)}


def _unquoted(text: str) -> str:
    """Undo Go's string escapes, which Python shares."""
    if "\\" not in text:
        return text
    return str(ast.literal_eval(f'"{text}"'))


def _seconds(duration: str) -> float:
    return sum(int(count) * _UNIT_SECONDS[unit] for count, unit in _DURATION.findall(duration))
