"""Takes what a training loop passes, in any of its forms. Nothing here raises into the loop."""

from __future__ import annotations

import logging
import numbers
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from vae_exporter._record.saved_state import read_state
from vae_exporter._record.trainer_log import is_of_test, nothing_known, values_of_log
from vae_exporter._record.weighted_nll import weighted_nll
from vae_exporter.errors import SettingsError
from vae_exporter.vocabulary import COMPONENTS, GAUGES, PROBED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vae_exporter._record.recorder import Recorder

_OBSERVED = (*COMPONENTS, *GAUGES)

_logger = logging.getLogger("vae_exporter")


class Service(Protocol):
    """What serves the run, if it is recorded in this process."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is recorded here."""

    def takes_values(self) -> bool:
        """Return whether a value is to be recorded here."""


class Observer:
    """Passes values on to *recorder*, and reports what it cannot use. `TrainingExporter` describes the methods.

    Args:
        run: The name of the run.
        recorder: The record of the run.
        loss_weights: The weights with which a missing NLL is computed from its parts.
        service: Whether this process records the run.
    """

    def __init__(self, run: str, recorder: Recorder, loss_weights: Mapping[str, float], service: Service) -> None:
        self._run = run
        self._recorder = recorder
        self._failures = recorder.failures
        self._loss_weights = loss_weights
        self._service = service

    def observe(  # noqa: PLR0913 - the values of a training step
        self,
        step: int | None,
        values: Mapping[str, object],
        *,
        split: object,
        skipped: object,
        weights: object,
        group: object,
        mean_over: object,
        data_position: object,
        unknown: Iterable[str],
    ) -> None:
        """Record the *values* of one step. *unknown* are the names of others that were passed."""
        try:
            if unknown:
                self._refuse("observe", unknown, _OBSERVED)
            known = None if weights is None else self._known_weights(weights)
            # This check is faster than `_known_steps`, and nearly always true.
            steps = mean_over if type(mean_over) is int and mean_over >= 1 else self._known_steps(mean_over)
            if self._service.takes_values():
                self._recorder.observe(
                    step,
                    values,
                    split=split,
                    skipped=skipped,
                    weights=known,
                    group="" if group is None else str(group),
                    mean_over=steps,
                    data_position=data_position,
                )
        except Exception as error:  # noqa: BLE001 - nothing raises into the training loop
            self._failures.caught("observe", "observe()", error)

    def observe_log(
        self, step: int | None, log: Mapping[str, object], names: Mapping[str, str] | None, *, mean_over: object
    ) -> None:
        """Record the values in *log*, the dictionary that a trainer logs."""
        try:
            self._refuse("observe_log", (names or {}).keys() - set(_OBSERVED), _OBSERVED)
            found = values_of_log(log, names)
            if not any(found.values()) and not is_of_test(log):
                self._failures.tell("observe_log", nothing_known(log))
                self._record(step, {}, "train")
            steps = self._known_steps(mean_over)
            for split, values in found.items():
                if values:
                    self._record(step, self._with_nll(values), split, mean_over=steps)
        except Exception as error:  # noqa: BLE001 - likewise
            self._failures.caught("observe", "observe_log()", error)

    def observe_probe(self, step: int | None, losses: Mapping[str, object]) -> None:
        """Record the *losses* on the probe clip."""
        try:
            self._refuse("observe_probe", losses.keys() - set(PROBED), PROBED)
            if self._service.takes_values():
                self._recorder.observe_probe(step, {name: losses[name] for name in PROBED if name in losses})
        except Exception as error:  # noqa: BLE001 - likewise
            self._failures.caught("observe", "observe_probe()", error)

    def observe_reconstruction(
        self, step: int | None, inputs: object, outputs: object, *, every: int, data_range: float
    ) -> None:
        """Compare reconstructions with their inputs."""
        try:
            if self._service.takes_values():
                self._recorder.observe_reconstruction(step, inputs, outputs, every=every, data_range=data_range)
        except Exception as error:  # noqa: BLE001 - likewise
            self._failures.caught("observe", "observe_reconstruction()", error)

    def stage(self, name: str, step: int | None) -> None:
        """Begin a stage."""
        try:
            if self._service.takes_values():
                self._recorder.begin_stage(step)
                _logger.info("run %r begins the stage %s", self._run, name)
        except Exception as error:  # noqa: BLE001 - likewise
            self._failures.caught("observe", "stage()", error)

    def gauge(self, name: str, value: object) -> None:
        """Record *value* for the gauge *name*."""
        try:
            if self._service.takes_values():
                self._recorder.gauge(name, value)
        except Exception as error:  # noqa: BLE001 - likewise
            self._failures.caught("observe", "gauge()", error)

    def take_over(self, state: object) -> None:
        """Take over the *state* of an earlier process of the run."""
        try:
            self._recorder.take_over(read_state(state))
        except SettingsError as error:
            message = f"load_state_dict() ignores the state, so the level that the run held is unknown: {error}"
            self._failures.tell("load_state_dict", message)
        except Exception as error:  # noqa: BLE001 - likewise
            self._failures.caught("observe", "load_state_dict()", error)

    @contextmanager
    def paused(self, activity: str) -> Iterator[None]:
        """Mark the run as paused while the block runs."""
        if self._service.is_idle:
            yield
            return
        self._recorder.pause()
        _logger.info("run %r is paused%s", self._run, f" for {activity}" if activity else "")
        try:
            yield
        finally:
            if not self._service.is_idle:  # the block may have forked
                self._recorder.resume()
                _logger.info("run %r continues%s", self._run, f" after {activity}" if activity else "")

    def _record(self, step: int | None, values: Mapping[str, object], split: str, *, mean_over: int = 1) -> None:
        if self._service.takes_values():
            self._recorder.observe(step, values, split=split, mean_over=mean_over)

    def _known_steps(self, mean_over: object) -> int:
        if isinstance(mean_over, numbers.Integral) and int(mean_over) >= 1:
            return int(mean_over)
        message = f"mean_over must be a whole number of steps, 1 or more, got {mean_over!r}"
        self._failures.drop("invalid", "mean_over", message)
        return 1

    def _known_weights(self, weights: object) -> Mapping[str, object]:
        if not isinstance(weights, Mapping):
            message = f"weights must be a dictionary of components, got a {type(weights).__name__}"
            self._failures.drop("invalid", "weights", message)
            return {}
        self._refuse("observe(weights=)", weights.keys() - set(COMPONENTS), tuple(COMPONENTS))
        return {name: weight for name, weight in weights.items() if name in COMPONENTS}

    def _with_nll(self, values: Mapping[str, object]) -> Mapping[str, object]:
        """Return *values* with the NLL. It is computed from its parts if they are all present and have weights."""
        if "nll" in values:
            return values
        try:
            nll = weighted_nll(values, self._loss_weights)
        except Exception as error:  # noqa: BLE001 - a part is not a number; `Recorder.observe` reports it
            self._failures.caught("observe", "the NLL from its parts", error)
            return values
        return values if nll is None else {**values, "nll": nll}

    def _refuse(self, method: str, unknown: Iterable[str], known: Sequence[str]) -> None:
        for name in unknown:
            self._failures.unknown(method, name, known)
