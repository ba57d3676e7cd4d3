"""Validates the edges of the quality bands that a run brings: a dictionary, or a file that holds one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

from vae_exporter._process.arguments import finite, mapping, suggestion
from vae_exporter.errors import SettingsError
from vae_exporter.vocabulary import BAND_EDGES

BandEdges: TypeAlias = "Mapping[str, Mapping[str, float]] | str | os.PathLike[str]"
"""Edges by signal and name, or the path of a file that `vae-exporter learn` wrote."""

FILE_FIELD = "band_edges"
"""The field of such a file that holds the edges."""


def check_band_edges(given: object) -> dict[tuple[str, str], float]:
    """Return the edges that *given* has or names, by signal and name. None has none.

    Raises:
        SettingsError: If the file cannot be read, or an edge is missing, unknown or invalid. The message names the file
            and the edge.
    """
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        return _of_signals(f"{path}: {FILE_FIELD}", _field(path))
    if given is not None and not isinstance(given, Mapping):
        raise SettingsError(f"band_edges must be a dictionary or the path of a file, got {given!r:.80}")
    return _of_signals("band_edges", given)


def _field(path: Path) -> object:
    advice = "write the file with `vae-exporter learn`"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read the band edges in {path}: {error.strerror or error}; {advice}") from None
    except ValueError as error:
        raise SettingsError(f"the band edges in {path} are not JSON: {error}; {advice}") from None
    if not isinstance(content, dict) or FILE_FIELD not in content:
        raise SettingsError(f"{path} has no field {FILE_FIELD!r}: {advice}")
    return content[FILE_FIELD]


def _of_signals(name: str, given: object) -> dict[tuple[str, str], float]:
    edges: dict[tuple[str, str], float] = {}
    for signal, of_signal in mapping(name, given).items():
        if signal not in BAND_EDGES:
            raise SettingsError(f"{name} has an unknown signal, {signal!r}: {suggestion(signal, BAND_EDGES)}")
        full_name = f"{name}[{signal!r}]"
        values = _edges(full_name, BAND_EDGES[signal], mapping(full_name, of_signal))
        edges.update(((signal, edge), value) for edge, value in values.items())
    return edges


def _edges(name: str, known: tuple[str, ...], given: Mapping[Any, Any]) -> dict[str, float]:
    """Return the edges of one signal in the order of *known*. Error messages call the signal *name*."""
    for edge in given:
        if edge not in known:
            raise SettingsError(f"{name} has an unknown edge, {edge!r}: {suggestion(edge, known)}")
    missing = [edge for edge in known if edge not in given]
    if missing:
        raise SettingsError(f"{name} must have all of its edges or none, missing: {', '.join(missing)}")
    values = {edge: finite(f"{name}[{edge!r}]", given[edge]) for edge in known}
    lowest = known[0]
    if values[lowest] <= 0:
        raise SettingsError(
            f"{name}[{lowest!r}] must be above 0, because the rules compare ratios, got {values[lowest]}"
        )
    for (lower, low), (upper, high) in pairwise(values.items()):
        if low >= high:
            raise SettingsError(f"{name} must ascend ({' < '.join(known)}), got {lower}={low} and {upper}={high}")
    return values
