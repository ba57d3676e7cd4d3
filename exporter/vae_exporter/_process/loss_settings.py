"""Validates how a run describes its loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vae_exporter._process.arguments import suggestion
from vae_exporter._process.loss_definition import PRESETS, LossDefinition
from vae_exporter.errors import SettingsError

_FIELDS = {
    "preset": f"one of {', '.join(PRESETS)}",
    "distance": "'mse' or 'l1'",
    "reduction": "'mean' or 'sum'",
    "elements": "a whole number above 0",
    "rec_contains_perception": "True or False",
}
"""What each field of the argument *loss* may be."""

_LONGEST_WINDOW = 10_000

_WINDOWS = (50, _LONGEST_WINDOW)


def check_loss(loss: object, weights: Mapping[str, float], *, has_own_edges: bool) -> LossDefinition:
    """Return the definition that the argument *loss* gives: the name of a preset, a dictionary of fields, or None.

    Raises:
        SettingsError: If a field is unknown or invalid. The message names it, its value and the fix.
    """
    given: Mapping[Any, Any] = {"preset": loss} if isinstance(loss, str) else {} if loss is None else _fields(loss)
    for name, value in given.items():
        if name not in _FIELDS:
            raise SettingsError(f"loss has an unknown field, {name!r}: {suggestion(name, _FIELDS)}")
        if not _is_valid(name, value):
            raise SettingsError(f"loss[{name!r}] must be {_FIELDS[name]}, got {value!r:.80}")
    fields = {**PRESETS[given.get("preset", "standard")], **{name: given[name] for name in given if name != "preset"}}
    return LossDefinition(weights=dict(weights), has_own_edges=has_own_edges, **fields)


def check_window_steps(steps: object) -> int | None:
    """Return *steps* if it can be the length of a long window. None means that the exporter chooses it.

    Raises:
        SettingsError: If it cannot.
    """
    low, high = _WINDOWS
    if steps is None:
        return None
    if not isinstance(steps, int) or isinstance(steps, bool) or steps % 10 or not low <= steps <= high:
        raise SettingsError(f"window_steps must be a multiple of 10 between {low} and {high}, got {steps!r:.80}")
    return steps


def _fields(loss: object) -> Mapping[Any, Any]:
    if not isinstance(loss, Mapping):
        raise SettingsError(
            f"loss must be the name of a preset ({', '.join(PRESETS)}) or a dictionary, got {loss!r:.80}"
        )
    return loss


def _is_valid(name: str, value: object) -> bool:
    if name == "elements":
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    if name == "rec_contains_perception":
        return isinstance(value, bool)
    known = {"preset": tuple(PRESETS), "distance": ("mse", "l1"), "reduction": ("mean", "sum")}[name]
    return isinstance(value, str) and value in known
