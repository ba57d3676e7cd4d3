"""What a user tells the exporter about a run, checked before the training starts."""

from __future__ import annotations

import difflib
import math
import numbers
import os
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from vae_exporter.errors import SettingsError
from vae_exporter.vocabulary import BAND_EDGES, COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_WHOLE_NUMBER = 2**63 - 1
"""The largest step or rank: a larger number is a mistake, and Prometheus's floats could not hold it."""

MAX_TEXT = 200
"""Characters in a run's name or in one value of *info*."""

MAX_INFO_LABELS = 16

MAX_PORT = 65535

GPU_CHOICES = ("own", "all")

MIN_SAMPLE_SECONDS = 0.1

MAX_SAMPLE_SECONDS = 60.0
"""The rules take what is older than three minutes for stale."""

RANK_VARIABLES = ("RANK", "SLURM_PROCID")
"""Where launchers say a process's rank, in the order asked: torchrun's, then Slurm's."""

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,99}")
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
    labels = _info_labels(_mapping("info", info))
    if outputs_url is not None:
        labels["outputs_url"] = _url(outputs_url)
    return RunSettings(
        run=_text("run", run),
        rank=_rank(rank, environment),
        loss_weights=_loss_weights(_mapping("loss_weights", loss_weights)),
        band_edges=_band_edges(_mapping("band_edges", band_edges)),
        info=labels,
        start_step=None if start_step is None else _whole_number("start_step", start_step),
    )


def suggestion(name: object, known: Iterable[str]) -> str:
    """Return what *name* was probably meant to be, or all that is known."""
    known = list(known)
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"


def host_name(host: object) -> str:
    """Return *host* if it can be the name or the address of one."""
    if not isinstance(host, str) or not host.isascii():
        raise SettingsError(f"host={host!r:.80} is no address: give one like '127.0.0.1', '::1' or '0.0.0.0'")
    return host


def whole_port(port: object) -> int:
    """Return *port* if it is a TCP port, or 0 for any free one."""
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= MAX_PORT:
        raise SettingsError(f"port={port!r} is no TCP port: give 1 to {MAX_PORT}, or 0 for any free one")
    return port


def seconds(name: str, value: object) -> float:
    """Return *value* if it is a time that a thread can wait, 0 s or more."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= threading.TIMEOUT_MAX:
        raise SettingsError(f"{name}={value!r} is no time to wait: give seconds, 0 or more")
    return float(value)


def gpu_choice(gpus: object) -> str | None:
    """Return which GPUs are read, one of `GPU_CHOICES`; None: none of them."""
    if gpus is None or gpus is False:
        return None
    if isinstance(gpus, str) and gpus in GPU_CHOICES:
        return gpus
    raise SettingsError(
        f"gpus={gpus!r:.80} is not known: give 'own' (what this process uses), 'all' (what the machine has), or False"
    )


def sample_seconds(value: object) -> float:
    """Return *value* if the GPUs can be read that often."""
    low, high = MIN_SAMPLE_SECONDS, MAX_SAMPLE_SECONDS
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise SettingsError(f"gpu_sample_seconds={value!r:.80} is out of range: give {low} to {high:.0f} seconds")
    return float(value)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise SettingsError(f"{name}={value!r} is no string: give one")
    if not value.strip():
        raise SettingsError(f"{name}={value!r} is empty: give a text that tells this run from others")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise SettingsError(f"{name}={value!r} is not valid Unicode: {error.reason}") from None
    if len(value) > MAX_TEXT:
        raise SettingsError(f"{name} has {len(value)} characters ({value[:40]!r}...): give {MAX_TEXT} at most")
    return value


def _mapping(name: str, value: object) -> Mapping[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise SettingsError(f"{name}={value!r} is no dictionary: give one")
    return value


def _whole_number(name: str, value: object) -> int:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or not 0 <= int(value) <= MAX_WHOLE_NUMBER:
        raise SettingsError(f"{name}={value!r:.80} is no whole number: give 0, 1, 2, ...")
    return int(value)


def _rank(rank: int | None, environment: Mapping[str, str]) -> int:
    if rank is not None:
        return _whole_number("rank", rank)
    for variable in RANK_VARIABLES:
        text = environment.get(variable)
        if text:
            if not text.isdecimal() or len(text) > len(str(MAX_WHOLE_NUMBER)):
                raise SettingsError(f"{variable}={text!r} in the environment is no rank: give rank=0, 1, 2, ...")
            return int(text)
    return 0


def _finite(name: str, value: object) -> float:
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        with suppress(OverflowError):  # a whole number above all floats
            number = float(value)
            if math.isfinite(number):
                return number
    raise SettingsError(f"{name}={value!r:.80} is no finite number: give a float")


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
        name = f"band_edges[{signal!r}]"
        values = _edges(name, BAND_EDGES[signal], _mapping(name, given))
        edges.update(((signal, edge), value) for edge, value in values.items())
    return edges


def _edges(name: str, known: tuple[str, ...], given: Mapping[str, float]) -> dict[str, float]:
    """Return the edges of one signal, which *name* calls in messages, in the order of *known*."""
    for edge in given:
        if edge not in known:
            raise SettingsError(f"{name}[{edge!r}] is no edge: {suggestion(edge, known)}")
    missing = [edge for edge in known if edge not in given]
    if missing:
        raise SettingsError(f"{name} lacks {', '.join(missing)}: give all of its edges, or none")
    values = {edge: _finite(f"{name}[{edge!r}]", given[edge]) for edge in known}
    lowest = known[0]
    if values[lowest] <= 0:
        raise SettingsError(f"{name}[{lowest!r}]={values[lowest]} is not above 0: the rules compare by ratios")
    for (lower, low), (upper, high) in pairwise(values.items()):
        if low >= high:
            raise SettingsError(f"{name}: {lower}={low} is not below {upper}={high}: edges ascend, {' < '.join(known)}")
    return values


def _info_labels(info: Mapping[str, object]) -> dict[str, str]:
    if len(info) > MAX_INFO_LABELS:
        raise SettingsError(f"info has {len(info)} entries: give {MAX_INFO_LABELS} at most, what tells runs apart")
    labels = {}
    for name, value in info.items():
        if not isinstance(name, str) or not _LABEL_NAME.fullmatch(name) or name.startswith("__"):
            raise SettingsError(
                f"info[{name!r:.60}]: a name is letters, digits and underscores, and starts with a letter; 100 at most"
            )
        if name in _RESERVED_LABELS:
            raise SettingsError(f"info[{name!r}]: this name is taken by the exporter or by Prometheus: choose another")
        labels[name] = _text(f"info[{name!r}]", str(value))
    return labels


def _url(url: object) -> str:
    if not isinstance(url, str) or not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s\"<>]+", url):
        raise SettingsError(f"outputs_url={url!r} is no address: give one like https://host/samples, without spaces")
    return _text("outputs_url", url)
