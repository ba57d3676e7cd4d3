"""Validates the arguments of `TrainingExporter` before the training starts."""

from __future__ import annotations

import difflib
import math
import numbers
import re
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from vae_exporter.errors import SettingsError
from vae_exporter.vocabulary import BAND_EDGES, COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_WHOLE_NUMBER = 2**63 - 1
"""The largest step or rank, because a larger number is a mistake."""

MAX_TEXT = 200
"""The most characters in a run's name or in a value of *info*."""

MAX_INFO_LABELS = 16

MAX_PORT = 65535

GPU_CHOICES = ("own", "all")

MIN_SAMPLE_SECONDS = 0.1

MAX_SAMPLE_SECONDS = 60.0
"""The longest interval: the rules treat a reading that is older than three minutes as stale."""

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,99}")
_RESERVED_LABELS = frozenset({"run", "rank", "outputs_url", "instance", "job", "le", "quantile"})


@dataclass(frozen=True)
class RunSettings:
    """The valid settings of one run. `TrainingExporter` describes them. The *rank* is 0 until it is settled."""

    run: str
    rank: int
    loss_weights: Mapping[str, float]
    band_edges: Mapping[tuple[str, str], float]
    info: Mapping[str, str]
    start_step: int | None


def check_settings(  # noqa: PLR0913 - the arguments of TrainingExporter
    *,
    run: str,
    rank: int | None,
    loss_weights: Mapping[str, float] | None,
    band_edges: Mapping[str, Mapping[str, float]] | None,
    info: Mapping[str, object] | None,
    outputs_url: str | None,
    start_step: int | None,
) -> RunSettings:
    """Validate the arguments that describe a run, and return its settings.

    Raises:
        SettingsError: If one of them is invalid. The message names it, its value and the fix.
    """
    labels = _info_labels(_mapping("info", info))
    if outputs_url is not None:
        labels["outputs_url"] = _url(outputs_url)
    return RunSettings(
        run=_text("run", run),
        rank=0 if rank is None else _whole_number("rank", rank),
        loss_weights=_loss_weights(_mapping("loss_weights", loss_weights)),
        band_edges=_band_edges(_mapping("band_edges", band_edges)),
        info=labels,
        start_step=None if start_step is None else _whole_number("start_step", start_step),
    )


def suggestion(name: object, known: Iterable[str]) -> str:
    """Return a hint for an unknown *name*: the closest of *known* names, or all of them."""
    known = list(known)
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(known)}"


def host_name(host: object) -> str:
    """Return *host* if it is a string that can be a host name or an IP address."""
    if not isinstance(host, str) or not host.isascii():
        raise SettingsError(f"host must be an address such as '127.0.0.1', '::1' or '0.0.0.0', got {host!r:.80}")
    return host


def whole_port(port: object) -> int:
    """Return *port* if it is a TCP port or 0."""
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= MAX_PORT:
        raise SettingsError(f"port must be between 0 and {MAX_PORT}, got {port!r}; 0 selects any free port")
    return port


def seconds(name: str, value: object) -> float:
    """Return *value* if it is a number of seconds, 0 or more, that a thread can wait."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= threading.TIMEOUT_MAX:
        raise SettingsError(f"{name} must be a number of seconds, 0 or more, got {value!r}")
    return float(value)


def gpu_choice(gpus: object) -> str | None:
    """Return which GPUs to read, one of `GPU_CHOICES`. None means no GPU."""
    if gpus is None or gpus is False:
        return None
    if isinstance(gpus, str) and gpus in GPU_CHOICES:
        return gpus
    raise SettingsError(
        f"gpus must be 'own' (the GPUs of this process), 'all' (the GPUs of the machine) or False, got {gpus!r:.80}"
    )


def sample_seconds(value: object) -> float:
    """Return *value* if it is a valid interval, in seconds, for reading the GPUs."""
    low, high = MIN_SAMPLE_SECONDS, MAX_SAMPLE_SECONDS
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise SettingsError(f"gpu_sample_seconds must be between {low} and {high:.0f} seconds, got {value!r:.80}")
    return float(value)


def exit_codes(codes: object) -> frozenset[int]:
    """Return *codes* if they are whole numbers."""
    if not isinstance(codes, Collection) or isinstance(codes, str):
        raise SettingsError(f"orderly_exit_codes must be a list of whole numbers, got {codes!r:.80}")
    for code in codes:
        if not isinstance(code, int) or isinstance(code, bool):
            raise SettingsError(f"orderly_exit_codes must be a list of whole numbers, got {code!r:.80} in it")
    return frozenset(codes)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise SettingsError(f"{name} must be a string, got {value!r}")
    if not value.strip():
        raise SettingsError(f"{name} must not be empty, got {value!r}: give a text that identifies this run")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise SettingsError(f"{name} must be valid Unicode, got {value!r}: {error.reason}") from None
    if len(value) > MAX_TEXT:
        raise SettingsError(
            f"{name} must have at most {MAX_TEXT} characters, got {len(value)} ({value[:40]!r}...): shorten it"
        )
    return value


def _mapping(name: str, value: object) -> Mapping[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise SettingsError(f"{name} must be a dictionary, got {value!r}")
    return value


def _whole_number(name: str, value: object) -> int:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or not 0 <= int(value) <= MAX_WHOLE_NUMBER:
        raise SettingsError(f"{name} must be a whole number, 0 or more, got {value!r:.80}")
    return int(value)


def _finite(name: str, value: object) -> float:
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        with suppress(OverflowError):  # a whole number that is too large for a float
            number = float(value)
            if math.isfinite(number):
                return number
    raise SettingsError(f"{name} must be a finite number, got {value!r:.80}")


def _loss_weights(weights: Mapping[str, float]) -> dict[str, float]:
    for component in weights:
        if component not in COMPONENTS:
            raise SettingsError(
                f"loss_weights has an unknown component, {component!r}: {suggestion(component, COMPONENTS)}"
            )
    return {component: _finite(f"loss_weights[{component!r}]", weight) for component, weight in weights.items()}


def _band_edges(signals: Mapping[str, Mapping[str, float]]) -> dict[tuple[str, str], float]:
    edges: dict[tuple[str, str], float] = {}
    for signal, given in signals.items():
        if signal not in BAND_EDGES:
            raise SettingsError(f"band_edges has an unknown signal, {signal!r}: {suggestion(signal, BAND_EDGES)}")
        name = f"band_edges[{signal!r}]"
        values = _edges(name, BAND_EDGES[signal], _mapping(name, given))
        edges.update(((signal, edge), value) for edge, value in values.items())
    return edges


def _edges(name: str, known: tuple[str, ...], given: Mapping[str, float]) -> dict[str, float]:
    """Return the edges of one signal in the order of *known*. Error messages call the signal *name*."""
    for edge in given:
        if edge not in known:
            raise SettingsError(f"{name} has an unknown edge, {edge!r}: {suggestion(edge, known)}")
    missing = [edge for edge in known if edge not in given]
    if missing:
        raise SettingsError(f"{name} must have all of its edges or none, missing: {', '.join(missing)}")
    values = {edge: _finite(f"{name}[{edge!r}]", given[edge]) for edge in known}
    lowest = known[0]
    if values[lowest] <= 0:
        raise SettingsError(
            f"{name}[{lowest!r}] must be above 0, because the rules compare ratios, got {values[lowest]}"
        )
    for (lower, low), (upper, high) in pairwise(values.items()):
        if low >= high:
            raise SettingsError(f"{name} must ascend ({' < '.join(known)}), got {lower}={low} and {upper}={high}")
    return values


def _info_labels(info: Mapping[str, object]) -> dict[str, str]:
    if len(info) > MAX_INFO_LABELS:
        raise SettingsError(
            f"info must have at most {MAX_INFO_LABELS} entries, got {len(info)}: keep those that distinguish runs"
        )
    labels = {}
    for name, value in info.items():
        if not isinstance(name, str) or not _LABEL_NAME.fullmatch(name) or name.startswith("__"):
            raise SettingsError(
                "info keys must consist of letters, digits and underscores, must not start with a digit or two "
                f"underscores, and must have at most 100 characters, got {name!r:.60}"
            )
        if name in _RESERVED_LABELS:
            raise SettingsError(
                f"info must not have the key {name!r}, which the exporter or Prometheus uses: rename it"
            )
        labels[name] = _text(f"info[{name!r}]", str(value))
    return labels


def _url(url: object) -> str:
    if not isinstance(url, str) or not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s\"<>]+", url):
        raise SettingsError(f"outputs_url must be a URL without spaces, such as https://host/samples, got {url!r}")
    return _text("outputs_url", url)
