"""What a user tells the exporter about a run, checked before the training starts."""

from __future__ import annotations

import difflib
import math
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_exporter._recorder import COMPONENTS
from vae_exporter.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BAND_EDGES: dict[str, tuple[str, ...]] = {
    "nll": (
        "suspicious",
        "excellent_min",
        "golden_min",
        "golden_max",
        "excellent_max",
        "good_max",
        "bad",
        "reduce_learning_rate",
    ),
    "rec": ("min", "max"),
    "perception": ("max",),
    "sharpness": ("min",),
}
"""The edges of each signal, lowest first. Their default values stand in prometheus/rules/training.yml alone."""

MAX_TEXT = 200
"""Characters in a run's name or in one value of *info*."""

MAX_INFO_LABELS = 16

RANK_VARIABLES = ("RANK", "SLURM_PROCID")
"""Where launchers say a process's rank, in the order asked: torchrun's, then Slurm's."""

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_RESERVED_LABELS = frozenset({"run", "rank", "outputs_url", "instance", "job", "le", "quantile"})


@dataclass(frozen=True)
class RunSettings:
    """The checked facts of one run: see `TrainingExporter` for their meaning."""

    run: str
    rank: int
    loss_weights: Mapping[str, float]
    band_edges: Mapping[tuple[str, str], float]
    info: Mapping[str, str]
    start_step: int | None


def check_settings(  # noqa: PLR0913 - the settings of TrainingExporter, as they are
    *,
    run: str,
    rank: int | None,
    loss_weights: Mapping[str, float] | None,
    band_edges: Mapping[str, Mapping[str, float]] | None,
    info: Mapping[str, object] | None,
    outputs_url: str | None,
    start_step: int | None,
    environment: Mapping[str, str] = os.environ,
) -> RunSettings:
    """Return the settings, checked.

    Raises:
        SettingsError: one of them cannot be used; the message names it, its value and the fix.
    """
    if start_step is not None:
        _whole_number("start_step", start_step)
    labels = _info_labels(info or {})
    if outputs_url is not None:
        labels["outputs_url"] = _url(outputs_url)
    return RunSettings(
        run=_run_name(run),
        rank=_rank(rank, environment),
        loss_weights=_loss_weights(loss_weights or {}),
        band_edges=_band_edges(band_edges or {}),
        info=labels,
        start_step=start_step,
    )


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return what *name* was probably meant to be, or all that is known."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"


def whole_port(port: object) -> int:
    """Return *port* if it is a TCP port, or 0 for any free one."""
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= 65535:
        raise SettingsError(f"port={port!r} is no TCP port: give 1 to 65535, or 0 for any free one")
    return port


def seconds(name: str, value: object) -> float:
    """Return *value* if it is a finite time of 0 s or more."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise SettingsError(f"{name}={value!r} is no time: give seconds, 0 or more")
    return float(value)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise SettingsError(f"{name}={value!r} is a {type(value).__name__}: give a string")
    if not value.strip():
        raise SettingsError(f"{name}={value!r} is empty: give a name that tells this run from all others")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise SettingsError(f"{name}={value!r} is not valid Unicode: {error.reason}") from None
    if len(value) > MAX_TEXT:
        raise SettingsError(f"{name} has {len(value)} characters ({value[:40]!r}...): give {MAX_TEXT} at most")
    return value


def _run_name(run: object) -> str:
    return _text("run", run)


def _whole_number(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise SettingsError(f"{name}={value!r} is no whole number: give 0, 1, 2, ...")
    return value


def _rank(rank: int | None, environment: Mapping[str, str]) -> int:
    if rank is not None:
        return _whole_number("rank", rank)
    for variable in RANK_VARIABLES:
        text = environment.get(variable)
        if text:
            if not text.isdecimal():
                raise SettingsError(f"{variable}={text!r} in the environment is no rank: give rank=0, 1, 2, ...")
            return int(text)
    return 0


def _finite(name: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise SettingsError(f"{name}={value!r} is no finite number")
    return float(value)


def _loss_weights(weights: Mapping[str, float]) -> dict[str, float]:
    for component in weights:
        if component not in COMPONENTS:
            raise SettingsError(f"loss_weights[{component!r}] is no loss: {suggestion(component, COMPONENTS)}")
    return {component: _finite(f"loss_weights[{component!r}]", weight) for component, weight in weights.items()}


def _band_edges(signals: Mapping[str, Mapping[str, float]]) -> dict[tuple[str, str], float]:
    edges: dict[tuple[str, str], float] = {}
    for signal, given in signals.items():
        if signal not in BAND_EDGES:
            raise SettingsError(f"band_edges[{signal!r}] is no signal: {suggestion(signal, BAND_EDGES)}")
        names = BAND_EDGES[signal]
        for edge in given:
            if edge not in names:
                raise SettingsError(f"band_edges[{signal!r}][{edge!r}] is no edge: {suggestion(edge, names)}")
        missing = [edge for edge in names if edge not in given]
        if missing:
            raise SettingsError(f"band_edges[{signal!r}] lacks {', '.join(missing)}: give all of its edges, or none")
        values = [_finite(f"band_edges[{signal!r}][{edge!r}]", given[edge]) for edge in names]
        for (lower, low), (upper, high) in zip(
            zip(names, values, strict=True), list(zip(names, values, strict=True))[1:], strict=False
        ):
            if low >= high:
                raise SettingsError(
                    f"band_edges[{signal!r}]: {lower}={low} is not below {upper}={high}: edges ascend, {' < '.join(names)}"
                )
        edges.update(((signal, edge), value) for edge, value in zip(names, values, strict=True))
    return edges


def _info_labels(info: Mapping[str, object]) -> dict[str, str]:
    if len(info) > MAX_INFO_LABELS:
        raise SettingsError(f"info has {len(info)} entries: give {MAX_INFO_LABELS} at most, what tells runs apart")
    labels = {}
    for name, value in info.items():
        if not isinstance(name, str) or not _LABEL_NAME.fullmatch(name) or name.startswith("__"):
            raise SettingsError(f"info[{name!r}]: a name is letters, digits and underscores, and starts with a letter")
        if name in _RESERVED_LABELS:
            raise SettingsError(f"info[{name!r}]: this name is taken by the exporter or by Prometheus: choose another")
        labels[name] = _text(f"info[{name!r}]", str(value))
    return labels


def _url(url: object) -> str:
    text = _text("outputs_url", url)
    if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s\"<>]+", text):
        raise SettingsError(f"outputs_url={text!r} is no address: give one like https://host/samples, without spaces")
    return text
