"""Fit the loss weights to a log. The NLL is the weighted sum of its parts, rec and perception."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from vae_exporter._process.arguments import suggestion
from vae_exporter.errors import LogError
from vae_exporter.vocabulary import COMPONENTS, NLL_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vae_exporter.judge.logs.rows import Row

MAX_RESIDUAL = 0.02
"""The largest relative residual of a usable fit."""

MIN_DIFFERENCE = 1e-6
"""If the parts are closer to proportional to each other than this, the weights are not determined."""

FITTED_SHARE = 0.8
"""If not all rows fit, this fraction of them must. The others may be spliced lines."""

_MIN_ROWS = 5

_TRIED_SAMPLES = 64

_Equation = tuple[tuple[float, ...], float]
"""The parts of the NLL, and the NLL."""


@dataclass(frozen=True)
class LossWeights:
    """Loss weights by component. *residual* is the relative residual of the fit, or None if they were not fitted."""

    weights: Mapping[str, float] = field(default_factory=dict)
    residual: float | None = None
    rows: int = 0

    def __str__(self) -> str:
        text = ", ".join(f"{name} {weight:.3g}" for name, weight in self.weights.items())
        if self.residual is None:
            return text or "unknown"
        return f"{text or 'none fit'} (fitted to {self.rows} rows, residual {self.residual:.2%})"


def parse_weights(text: str) -> dict[str, float]:
    """Parse the value of ``--weights``, such as ``rec=10,perception=1,kl=1e-4``.

    Raises:
        LogError: It is not a list of NAME=NUMBER, separated by commas, or a name is not a loss.
    """
    weights = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in COMPONENTS:
            raise LogError(f"--weights {part!r}: unknown loss {name!r}; {suggestion(name, COMPONENTS)}")
        try:
            weights[name] = float(value)
        except ValueError:
            weights[name] = math.nan
        if not equals or not math.isfinite(weights[name]):
            raise LogError(f"--weights must be NAME=NUMBER,..., as in rec=10,perception=1,kl=1e-4, got {part!r}")
    return weights


def fit_weights(rows: Iterable[Row]) -> LossWeights:
    """Fit the weights of the parts of the NLL to *rows* by least squares. Return no weights if the fit is poor.

    If the log has running means, they are used, because medians do not add up.
    """
    found = [equation for row in rows if (equation := _equation(row)) is not None]
    present = [at for at in range(len(NLL_PARTS)) if any(parts[at] for parts, _ in found)]
    names = [NLL_PARTS[at] for at in present]
    return _fit_most(names, [(tuple(parts[at] for at in present), nll) for parts, nll in found])


def _fit_most(names: Sequence[str], equations: Sequence[_Equation]) -> LossWeights:
    """Fit all of *equations*, or, if that fails, those that agree best: the others may come from spliced lines."""
    found = _fit(names, equations)
    if found.weights or found.residual is None:
        return found
    samples = _samples(equations, max(2, len(names)))
    candidates = [solved for sample in samples if (solved := _least_squares(sample)) is not None]
    best = min(candidates, key=lambda solved: median(_errors(solved, equations)), default=(0.0,) * len(names))
    ranked = sorted(zip(_errors(best, equations), equations, strict=True))
    kept = _fit(names, [equation for _, equation in ranked[: math.ceil(FITTED_SHARE * len(ranked))]])
    return kept if kept.weights else found


def _samples(equations: Sequence[_Equation], size: int) -> Iterable[Sequence[_Equation]]:
    """Return samples of *size* equations that are far apart in the log. As many equations as weights are enough."""
    part = len(equations) // size
    return [equations[at::part][:size] for at in range(0, part, max(1, part // _TRIED_SAMPLES))]


def _errors(weights: Sequence[float], equations: Sequence[_Equation]) -> list[float]:
    return [abs(_weighted(weights, parts) - nll) / nll for parts, nll in equations]


def _weighted(weights: Sequence[float], parts: Sequence[float]) -> float:
    return sum(weight * part for weight, part in zip(weights, parts, strict=True))


def _fit(names: Sequence[str], equations: Sequence[_Equation]) -> LossWeights:
    if len(equations) < _MIN_ROWS:
        return LossWeights()
    fitted = _least_squares(equations)
    if fitted is None:
        return LossWeights()
    errors = [_weighted(fitted, parts) - nll for parts, nll in equations]
    size = math.sqrt(sum(nll * nll for _, nll in equations))
    residual = math.sqrt(sum(error * error for error in errors)) / size
    weights = {name: weight for name, weight in zip(names, fitted, strict=True) if weight}
    is_fit = residual <= MAX_RESIDUAL and all(weight > 0 for weight in weights.values())
    return LossWeights(weights if is_fit else {}, residual, len(equations))


def fit_kl_weight(rows: Sequence[Row]) -> float | None:
    """Return the median of the weight w in total = nll + w * kl over *rows*, or None if too few have all three."""
    ratios = []
    for row in rows:
        total, nll, kl = (figure(row, name) for name in ("total", "nll", "kl"))
        if total is not None and nll is not None and kl:
            ratios.append((total - nll) / kl)
    return median(ratios) if len(ratios) >= _MIN_ROWS else None


def figure(row: Row, name: str) -> float | None:
    """Return the value of *name* that adds up: the running mean in a row with means, else the value.

    Return None if it is missing or not finite.
    """
    value = row.means[name].value if name in row.means else None if row.means else row.values.get(name)
    return value if value is not None and math.isfinite(value) else None


def unscaled(nll: float, logvar: float) -> float:
    """Return the weighted sum of the parts from an *nll* that was scaled by a learned *logvar*."""
    return (nll - logvar) * math.exp(logvar)


def _equation(row: Row) -> _Equation | None:
    nll = figure(row, "nll")
    figures = {name: figure(row, name) for name in NLL_PARTS}
    is_damaged = any(value is None and name in row.values for name, value in figures.items())
    if nll is None or is_damaged or all(value is None for value in figures.values()):
        return None
    logvar = row.values.get("logvar", 0.0)
    target = unscaled(nll, logvar) if math.isfinite(logvar) and abs(logvar) < 50 else math.nan  # noqa: PLR2004 - exp
    parts = tuple(value or 0.0 for value in figures.values())
    is_usable = target > 0 and max(abs(target), *map(abs, parts)) < 1e100  # noqa: PLR2004 - its square is finite
    return (parts, target) if is_usable else None


def _least_squares(equations: Sequence[_Equation]) -> tuple[float, ...] | None:
    """Return the weights that fit best, or None if there are no parts or the weights are not determined."""
    columns = list(zip(*(parts for parts, _ in equations), strict=True))
    target = [nll for _, nll in equations]
    return _solve([[*(_dot(one, other) for other in columns), _dot(one, target)] for one in columns])


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _solve(rows: list[list[float]]) -> tuple[float, ...] | None:
    """Solve the normal equations *rows*, each with its right-hand side at the end, by Gauss-Jordan elimination."""
    sizes = [row[at] for at, row in enumerate(rows)]
    for at, size in enumerate(sizes):
        if not size:  # this part is always 0, and so is its weight
            continue
        if rows[at][at] <= MIN_DIFFERENCE * size:
            return None
        pivot = [value / rows[at][at] for value in rows[at]]
        rows = [
            pivot if number == at else [value - row[at] * known for value, known in zip(row, pivot, strict=True)]
            for number, row in enumerate(rows)
        ]
    return tuple(row[-1] for row in rows) or None
