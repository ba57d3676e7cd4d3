"""The weights of the loss, fitted to what a log says: nll = rec weight * rec + perception weight * perception."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from vae_exporter._process.settings import suggestion
from vae_exporter.errors import LogError
from vae_exporter.vocabulary import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vae_exporter.judge.logs.rows import Row

MAX_RESIDUAL = 0.02
"""A fit that leaves more than this share of the NLL unexplained says nothing about the weights."""

MIN_DIFFERENCE = 1e-6
"""Where rec and perception go together more closely than this, no weights tell them apart."""

FITTED_SHARE = 0.8
"""Where all rows do not fit, so many of them will do: the others were spliced of two lines."""

_MIN_ROWS = 5

_TRIED_PAIRS = 64

_PARTS = ("rec", "perception")

_Equation = tuple[float, float, float]
"""rec, perception, and the NLL that they add up to."""


@dataclass(frozen=True)
class LossWeights:
    """Weights by component. *residual* is the share of the NLL that fitted ones leave unexplained; None: given ones."""

    weights: Mapping[str, float] = field(default_factory=dict)
    residual: float | None = None
    rows: int = 0

    def __str__(self) -> str:
        text = ", ".join(f"{name} {weight:.3g}" for name, weight in self.weights.items())
        if self.residual is None:
            return text or "not known"
        return f"{text or 'none fit'} (fitted to {self.rows} rows, residual {self.residual:.2%})"


def parse_weights(text: str) -> dict[str, float]:
    """Return what ``--weights rec=10,perception=1,kl=1e-4`` says.

    Raises:
        LogError: it is not NAME=NUMBER, separated by commas, or a name is no loss.
    """
    weights = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in COMPONENTS:
            raise LogError(f"--weights {part!r}: there is no loss {name!r}: {suggestion(name, COMPONENTS)}")
        try:
            weights[name] = float(value)
        except ValueError:
            weights[name] = math.nan
        if not equals or not math.isfinite(weights[name]):
            raise LogError(f"--weights {part!r}: give NAME=NUMBER, for example rec=10,perception=1,kl=1e-4")
    return weights


def fit_weights(rows: Iterable[Row]) -> LossWeights:
    """Return the weights of rec and perception that fit *rows* best, by least squares; none where they do not fit.

    Running means are fitted where the log has them: medians do not add up.
    """
    equations = [equation for row in rows if (equation := _equation(row)) is not None]
    found = _fit(equations)
    if found.weights or found.residual is None:
        return found
    candidates = [solved for pair in _pairs(equations) if (solved := _least_squares(pair)) is not None]
    best = min(candidates, key=lambda solved: median(_errors(solved, equations)), default=(0.0, 0.0))
    ranked = sorted(zip(_errors(best, equations), equations, strict=True))
    kept = _fit([equation for _, equation in ranked[: math.ceil(FITTED_SHARE * len(ranked))]])
    return kept if kept.weights else found


def _pairs(equations: Sequence[_Equation]) -> Iterable[Sequence[_Equation]]:
    """Return some of *equations* with another one far from it: weights follow from two, if neither was spliced."""
    half = len(equations) // 2
    return [(equations[at], equations[at + half]) for at in range(0, half, max(1, half // _TRIED_PAIRS))]


def _errors(weights: tuple[float, float], equations: Sequence[_Equation]) -> list[float]:
    return [abs(weights[0] * rec + weights[1] * perception - nll) / nll for rec, perception, nll in equations]


def _fit(equations: Sequence[_Equation]) -> LossWeights:
    if len(equations) < _MIN_ROWS:
        return LossWeights()
    fitted = _least_squares(equations)
    if fitted is None:
        return LossWeights()
    errors = [fitted[0] * rec + fitted[1] * perception - nll for rec, perception, nll in equations]
    size = math.sqrt(sum(nll * nll for _, _, nll in equations))
    residual = math.sqrt(sum(error * error for error in errors)) / size
    weights = {name: weight for name, weight in zip(_PARTS, fitted, strict=True) if weight}
    is_fit = residual <= MAX_RESIDUAL and all(weight > 0 for weight in weights.values())
    return LossWeights(weights if is_fit else {}, residual, len(equations))


def fit_kl_weight(rows: Sequence[Row]) -> float | None:
    """Return the weight of the KL by which total = nll + weight * kl in most of *rows*; None where there is none."""
    ratios = []
    for row in rows:
        total, nll, kl = (figure(row, name) for name in ("total", "nll", "kl"))
        if total is not None and nll is not None and kl:
            ratios.append((total - nll) / kl)
    return median(ratios) if len(ratios) >= _MIN_ROWS else None


def figure(row: Row, name: str) -> float | None:
    """Return what adds up in *row*: the running mean where it has one, else the value; None if not finite."""
    value = row.means[name].value if name in row.means else None if row.means else row.values.get(name)
    return value if value is not None and math.isfinite(value) else None


def unscaled(nll: float, logvar: float) -> float:
    """Return the weighted sum that a learned *logvar* makes *nll* of."""
    return (nll - logvar) * math.exp(logvar)


def _equation(row: Row) -> _Equation | None:
    nll = figure(row, "nll")
    parts = [figure(row, name) for name in _PARTS]
    if (
        nll is None
        or parts == [None, None]
        or any(part is None and name in row.values for part, name in zip(parts, _PARTS, strict=True))
    ):
        return None
    logvar = row.values.get("logvar", 0.0)
    target = unscaled(nll, logvar) if math.isfinite(logvar) and abs(logvar) < 50 else math.nan  # noqa: PLR2004 - exp
    rec, perception = (part or 0.0 for part in parts)
    is_usable = target > 0 and max(abs(target), abs(rec), abs(perception)) < 1e100  # noqa: PLR2004 - its square is finite
    return (rec, perception, target) if is_usable else None


def _least_squares(equations: Sequence[_Equation]) -> tuple[float, float] | None:
    aa = sum(a * a for a, _, _ in equations)
    ab = sum(a * b for a, b, _ in equations)
    bb = sum(b * b for _, b, _ in equations)
    at = sum(a * t for a, _, t in equations)
    bt = sum(b * t for _, b, t in equations)
    determinant = aa * bb - ab * ab
    if aa and bb:
        if determinant <= MIN_DIFFERENCE * aa * bb:
            return None
        return (at * bb - bt * ab) / determinant, (bt * aa - at * ab) / determinant
    if aa:
        return at / aa, 0.0
    return (0.0, bt / bb) if bb else None
