"""Means of the losses over windows of steps, at several lags: what the rules compare.

A long window at lag k holds the steps ``(s - (k + 1) * long, s - k * long]``, where *s* is the newest step at which
the loss was reported. The same holds for a short one. A mean is **whole**, and exported, once the process has made all
steps of its window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_exporter._record.mixture import Mixture
from vae_exporter._record.window_length import SHORT_WINDOWS
from vae_exporter.vocabulary import NLL_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vae_exporter._record.series import StepSeries

JUDGED = "judged"
"""The component under which the NLL that is judged is exported: see `LossDefinition`."""

LONG_LAGS: Mapping[str, tuple[float, ...]] = {
    JUDGED: (0, 0.1, 1, 2, 3, 4, 5),
    **dict.fromkeys(NLL_PARTS, (0,)),
    "kl": (0, 1, 3),
    "total": (0, 1),
    "generator": (0,),
    "discriminator": (0,),
}
"""The lags of the long windows of each component, in long windows: those that the rules and the dashboards read, and no
others. At lag 0.1, a window ends before the newest short one."""

SHORT_LAGS = (0, 1)
"""The lags of the short windows of the judged NLL, in short windows."""

BALANCE_LAGS = (0, 1, 2, 3)
"""The lags at which the weighted parts are compared with the NLL."""

KEPT_WINDOWS = 7
"""More long windows than any lag needs."""


@dataclass(frozen=True)
class Mean:
    """The mean of *component* over a window (``"long"`` or ``"short"``) at *lag*, in windows of that length."""

    component: str
    window: str
    lag: str
    value: float


@dataclass(frozen=True)
class Evidence:
    """How much the newest long mean of the judged NLL is worth: how many *values* it is of, and its standard error."""

    values: int
    standard_error: float | None


@dataclass(frozen=True)
class Windows:
    """The series of the losses at one moment, by component, to compute on without holding up the training thread.

    Args:
        long: the length of a long window in steps; None while it is not known.
        series: the values by component.
        balance: the reported NLL, and what its weighted parts leave of it.
    """

    long: int | None
    series: Mapping[str, StepSeries | Mixture]
    balance: tuple[StepSeries, StepSeries]

    def means(self) -> Iterator[Mean]:
        """Yield every mean that is whole."""
        if self.long is None:
            return
        for component, lags in LONG_LAGS.items():
            for lag in lags:
                if (mean := _mean(self.series.get(component), self.long, lag)) is not None:
                    yield Mean(component, "long", f"{lag:g}", mean)
        for lag in SHORT_LAGS:
            if (mean := _mean(self.series.get(JUDGED), self.long // SHORT_WINDOWS, lag)) is not None:
                yield Mean(JUDGED, "short", str(lag), mean)

    def unexplained_ratios(self) -> Iterator[tuple[str, float]]:
        """Yield each lag, in long windows, and the share of the NLL there that its weighted parts leave unexplained."""
        if self.long is None:
            return
        for lag in BALANCE_LAGS:
            nll, unexplained = (_mean(series, self.long, lag) for series in self.balance)
            if nll and unexplained is not None:
                yield str(lag), unexplained / nll

    def evidence(self) -> Evidence | None:
        """Return what the newest long mean of the judged NLL is worth; None before it is whole."""
        judged = self.series.get(JUDGED)
        if self.long is None or judged is None or judged.newest is None or _mean(judged, self.long, 0) is None:
            return None
        short, newest = self.long // SHORT_WINDOWS, judged.newest
        return Evidence(*judged.evidence(newest - self.long + 1, newest, short))

    def risen_groups(self) -> Mapping[str, float]:
        """Return each group of batches whose NLL rose, and how many times its level it is at."""
        judged = self.series.get(JUDGED)
        return judged.risen(self.long) if self.long is not None and isinstance(judged, Mixture) else {}


def _mean(series: StepSeries | Mixture | None, length: int, lag: float) -> float | None:
    if series is None or series.newest is None:
        return None
    newest = series.newest - round(lag * length)
    return series.mean(newest - length + 1, newest)
