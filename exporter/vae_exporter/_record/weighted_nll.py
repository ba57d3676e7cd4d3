"""Compute the NLL of a trainer that only logs its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vae_exporter.vocabulary import NLL_PARTS

if TYPE_CHECKING:
    from collections.abc import Mapping


def weighted_nll(values: Mapping[str, Any], weights: Mapping[str, float]) -> Any:  # noqa: ANN401 - a number or a tensor
    """Return the weighted sum of the parts of the NLL, or None if *values* lacks one that has a weight."""
    parts = [name for name in NLL_PARTS if name in weights]
    if not parts or any(values.get(name) is None for name in parts):
        return None
    return sum(weights[name] * values[name] for name in parts)
