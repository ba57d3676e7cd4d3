"""The level that the NLL has held, and what the other losses were then: the reference of every rise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vae_exporter._record.facts import LevelFacts
from vae_exporter._record.mixture import Mixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vae_exporter._record.series import StepSeries

HELD_WINDOWS = 3
"""How many long windows in a row make a level. An outlier or a lucky start lasts for less."""

NEEDED_VALUES = 10
"""A window with fewer values says nothing about a level."""


class Level:
    """Follows the means of the NLL over windows of steps.

    It looks once in each short window, whose length is a tenth of the long one. A level that was *held* is the highest
    of three consecutive long means; the lowest such level is kept.
    """

    def __init__(self) -> None:
        self._facts = LevelFacts()
        self._looked_at: int | None = None

    def take_over(self, earlier: LevelFacts) -> None:
        """Take over what an earlier process of the run has found."""
        own = self._facts
        held = earlier if earlier.held is not None and (own.held is None or earlier.held < own.held) else own
        self._facts = LevelFacts(
            best=_extreme(min, own.best, earlier.best),
            best_short=_extreme(min, own.best_short, earlier.best_short),
            highest=_extreme(max, own.highest, earlier.highest),
            held=held.held,
            held_step=held.held_step,
            held_means=held.held_means,
            last_step=earlier.last_step if own.last_step is None else own.last_step,
        )

    def observe(
        self,
        step: int,
        long: int,
        nll: StepSeries | Mixture,
        series: Mapping[str, StepSeries | Mixture],
    ) -> None:
        """Look at the means up to *step*, if a short window has passed since the last look.

        Args:
            step: the newest step of *nll*.
            long: the length of a long window in steps.
            nll: the values that are judged.
            series: the values of all losses, by component: what they were at a level is kept with it.
        """
        short = long // 10
        look = (step + 1) // short
        if look == self._looked_at:
            return
        self._looked_at = look
        if isinstance(nll, Mixture):
            self._follow_groups(step, long, nll, series)
            return
        means = [
            nll.mean(step - (lag + 1) * long + 1, step - lag * long, at_least=NEEDED_VALUES)
            for lag in range(HELD_WINDOWS)
        ]
        newest = means[0]
        if newest is not None:
            self._note(best=_extreme(min, self._facts.best, newest), highest=_extreme(max, self._facts.highest, newest))
        whole = [mean for mean in means if mean is not None]
        if len(whole) == HELD_WINDOWS:
            self._hold(max(whole), step, long, series)
        self._follow_short(step, nll.mean(step - short + 1, step))

    def _follow_groups(self, step: int, long: int, nll: Mixture, series: Mapping[str, StepSeries | Mixture]) -> None:
        """Follow the levels that the groups hold. Their standardized level changes with the groups' shares."""
        mean = nll.mean(step - long + 1, step, at_least=NEEDED_VALUES)
        levels = nll.hold(long)
        if mean is not None and levels is not None:
            held, best = levels
            self._note(best=best, highest=_extreme(max, self._facts.highest, mean))
            if held is not None and held != self._facts.held:
                self._facts = replace(self._facts, held=None)
                self._hold(held, step, long, series)
        self._follow_short(step, nll.mean(step - long // 10 + 1, step))

    def _follow_short(self, step: int, mean: float | None) -> None:
        if mean is None:
            return
        self._note(best_short=_extreme(min, self._facts.best_short, mean))
        reference = self._facts.best if self._facts.held is None else self._facts.held
        if reference is not None and mean <= reference:
            self._note(last_step=step)

    def _hold(
        self,
        level: float,
        step: int,
        long: int,
        series: Mapping[str, StepSeries | Mixture],
    ) -> None:
        if self._facts.held is not None and level >= self._facts.held:
            return
        means = {
            component: mean
            for component, values in series.items()
            if (mean := values.mean(step - HELD_WINDOWS * long + 1, step)) is not None
        }
        self._facts = replace(self._facts, held=level, held_step=step, held_means=means)

    def _note(self, **found: Any) -> None:  # noqa: ANN401 - fields of LevelFacts
        """Keep what was *found*. Nearly always it is known."""
        if any(getattr(self._facts, name) != value for name, value in found.items()):
            self._facts = replace(self._facts, **found)

    def go_back_to(self, step: int) -> None:
        """Forget the steps from *step* on, which are about to be trained again. The level that was held stays."""
        self._looked_at = None
        if self._facts.last_step is not None and self._facts.last_step >= step:
            self._facts = replace(self._facts, last_step=step - 1)

    def facts(self) -> LevelFacts:
        """Return what is known."""
        return self._facts


def _extreme(choose: Callable[[Iterable[float]], float], *values: float | None) -> float | None:
    return choose(known) if (known := [value for value in values if value is not None]) else None
