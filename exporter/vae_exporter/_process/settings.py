"""Validates the arguments of `TrainingExporter` before the training starts."""

from __future__ import annotations

import numbers
import re
import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vae_exporter._process.arguments import finite, mapping, suggestion
from vae_exporter._process.band_edges import check_band_edges
from vae_exporter._process.loss_definition import LossDefinition
from vae_exporter._process.loss_settings import check_loss, check_window_steps
from vae_exporter._process.outputs import Pictures, page_of, pictures_of
from vae_exporter.errors import SettingsError
from vae_exporter.vocabulary import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter._process.band_edges import BandEdges

MAX_WHOLE_NUMBER = 2**63 - 1
"""The largest step or rank, because a larger number is a mistake."""

MAX_TEXT = 200
"""The most characters in a run's name or in a value of *info*."""

MAX_INFO_LABELS = 16

GPU_CHOICES = ("own", "all")

MIN_SAMPLE_SECONDS = 0.1

MAX_SAMPLE_SECONDS = 60.0
"""The longest interval: the rules treat a reading that is older than three minutes as stale."""

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,99}")
_RESERVED_LABELS = frozenset({"run", "rank", "outputs_url", "resumes", "instance", "job", "le", "quantile"})


@dataclass(frozen=True)
class RunSettings:
    """The valid settings of one run. `TrainingExporter` describes them. The *rank* is 0 until it is settled."""

    run: str
    rank: int
    loss_weights: Mapping[str, float]
    band_edges: Mapping[tuple[str, str], float]
    info: Mapping[str, str]
    start_step: int | None
    resumes: str | None = None
    is_pretrained: bool = False
    definition: LossDefinition = field(default_factory=LossDefinition)
    window_steps: int | None = None
    pictures: Pictures | None = None


def check_settings(  # noqa: PLR0913 - the arguments of TrainingExporter
    *,
    run: str,
    rank: int | None,
    loss_weights: Mapping[str, float] | None,
    band_edges: BandEdges | None,
    info: Mapping[str, object] | None,
    outputs_url: str | None,
    start_step: int | None,
    outputs_every: object = None,
    resumes: str | None = None,
    loss: object = None,
    pretrained: object = False,
    window_steps: object = None,
) -> RunSettings:
    """Validate the arguments that describe a run, and return its settings.

    Raises:
        SettingsError: If one of them is invalid. The message names it, its value and the fix.
    """
    labels = _info_labels(mapping("info", info))
    if outputs_url is not None:
        labels["outputs_url"] = page_of(_url(outputs_url))
    if resumes is not None:
        labels["resumes"] = _predecessor(resumes, run)
    weights = _loss_weights(mapping("loss_weights", loss_weights))
    edges = check_band_edges(band_edges)
    return RunSettings(
        run=_text("run", run),
        rank=0 if rank is None else _whole_number("rank", rank),
        loss_weights=weights,
        band_edges=edges,
        info=labels,
        start_step=None if start_step is None else _whole_number("start_step", start_step),
        resumes=resumes,
        is_pretrained=_truth("pretrained", pretrained),
        definition=check_loss(loss, weights, has_own_edges=any(signal == "nll" for signal, _ in edges)),
        window_steps=check_window_steps(window_steps),
        pictures=pictures_of(outputs_url, outputs_every),
    )


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


def _predecessor(resumes: object, run: str) -> str:
    if resumes == run:
        raise SettingsError(
            f"resumes must be the name of another run, got {resumes!r}, which is this one: a run that resumes under "
            "its own name needs only start_step="
        )
    return _text("resumes", resumes)


def _whole_number(name: str, value: object) -> int:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or not 0 <= int(value) <= MAX_WHOLE_NUMBER:
        raise SettingsError(f"{name} must be a whole number, 0 or more, got {value!r:.80}")
    return int(value)


def _truth(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise SettingsError(f"{name} must be True or False, got {value!r:.80}")
    return value


def _loss_weights(weights: Mapping[str, float]) -> dict[str, float]:
    for component in weights:
        if component not in COMPONENTS:
            raise SettingsError(
                f"loss_weights has an unknown component, {component!r}: {suggestion(component, COMPONENTS)}"
            )
    return {component: finite(f"loss_weights[{component!r}]", weight) for component, weight in weights.items()}


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
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise SettingsError(
            "outputs_url must not have a user or a password, because everyone who can read the metrics sees it: remove "
            "the part before @"
        )
    return _text("outputs_url", url)
