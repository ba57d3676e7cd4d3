"""When what shapes the loss last changed: what a rise may come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter._record.facts import ChangeFacts

if TYPE_CHECKING:
    from collections.abc import Mapping


class Changes:
    """Follows the gauges and the weights of the training steps, and keeps the newest change of each kind.

    A change has a first and a last step: a warm-up raises the learning rate over many steps in a row.
    """

    def __init__(self) -> None:
        self._before: dict[str, float] = {}
        self._changes: dict[str, ChangeFacts] = {}
        self._is_rising: dict[str, bool] = {}

    def record(self, step: int, gauges: Mapping[str, float]) -> None:
        """Record the finite values of *gauges* at *step*."""
        self._follow_rise("learning_rate", step, gauges.get("learning_rate"))
        self._follow_rise("kl_weight", step, gauges.get("kl_weight"))
        self._follow_discriminator(step, gauges.get("discriminator_factor"))
        self._follow_loss_scale(step, gauges.get("loss_scale"))

    def take_over(self, earlier: Mapping[str, ChangeFacts]) -> None:
        """Take over what changed in an earlier process of the run, unless the same has changed in this one."""
        self._changes = {**earlier, **self._changes}

    def note(self, change: str, step: int) -> None:
        """Record that *change* happened at *step*."""
        self._changes[change] = ChangeFacts(step, step)

    def go_back_to(self, step: int) -> None:
        """Forget what changed from *step* on: these steps are about to be trained again."""
        self._changes = {
            name: ChangeFacts(change.first_step, min(change.last_step, step - 1))
            for name, change in self._changes.items()
            if change.first_step < step
        }
        self._before.clear()
        self._is_rising.clear()

    def facts(self) -> dict[str, ChangeFacts]:
        """Return the newest change of each kind."""
        return dict(self._changes)

    def _follow_rise(self, name: str, step: int, value: float | None) -> None:
        if value is None:
            return
        before = self._before.get(name)
        self._before[name] = value
        is_rising = before is not None and value > before
        if is_rising:
            began = self._changes[name].first_step if self._is_rising.get(name) else step
            self._changes[name] = ChangeFacts(began, step)
        self._is_rising[name] = is_rising

    def _follow_discriminator(self, step: int, factor: float | None) -> None:
        if factor is None:
            return
        before = self._before.get("discriminator")
        self._before["discriminator"] = factor
        if factor == 0:
            self._changes.pop("discriminator", None)
        elif before == 0:
            self.note("discriminator", step)

    def _follow_loss_scale(self, step: int, scale: float | None) -> None:
        if scale is None:
            return
        before = self._before.get("loss_scale")
        self._before["loss_scale"] = scale
        if before is not None and scale < before:  # the scaler lowers it where gradients overflow
            self.note("loss_scale", step)
