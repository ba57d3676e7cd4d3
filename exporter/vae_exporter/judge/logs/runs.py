"""Which rows make one run: several runs in a file, and resumes that go back in steps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vae_exporter.judge.logs.rows import BAD_STEP, Refusal, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BEGINNING = 0.1
"""What goes back to within this share of the steps so far begins anew: nobody resumes from so long ago."""


class _Steps:
    """The steps of one run as they come."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._offset = 0
        self._apart = 0  # from the row before to the newest one
        self._epoch: int | None = None
        self._names: set[str] = set()
        self.first: int | None = None
        self.last: int | None = None

    def number(self, row: Row) -> Row:
        """Return *row* with its step: counted where the log has none, going on where it is counted within an epoch."""
        if row.step is None:
            repeats = self.last is None or bool(self._names & row.values.keys())
            step = (0 if self.last is None else self.last + self._every) if repeats else self.last or 0
            self._names = {*row.values} if repeats else self._names | row.values.keys()
            return replace(row, step=step)
        step = row.step + self._offset
        if (
            self.last is not None
            and step < self.last
            and row.epoch_index is None
            and row.epoch is not None
            and self._epoch is not None
            and row.epoch > self._epoch
        ):
            self._offset = self.last + 1
            step = row.step + self._offset
        self._epoch = row.epoch
        return replace(row, step=step)

    def take(self, step: int) -> None:
        if self.last is not None and step > self.last:
            self._apart = step - self.last
        self.first = step if self.first is None else self.first
        self.last = step

    def is_beginning(self, step: int) -> bool:
        """Return whether a run that goes back to *step* is another one: the first lines of a paste may be lost."""
        if self.first is None or self.last is None:
            return True
        return step - self.first <= max(2 * self._apart, BEGINNING * (self.last - self.first))


def split_into_runs(items: Iterable[Row | Refusal], *, every: int = 1) -> Iterator[tuple[int, Row | Refusal]]:
    """Yield each of *items* with the number of its run, from 0, its step filled in.

    A step that goes back to about where the run began, or before, begins another run. One that goes back less far is a
    resume. One that alone goes back, between two that fit each other, is a misprint and refused.

    Args:
        items: the rows in the order of the file.
        every: how many steps a row stands for where the log has no steps.
    """
    run = 0
    steps = _Steps(every)
    held: Row | None = None  # it went back: the next row tells whether it alone did
    for item in items:
        if isinstance(item, Refusal):
            yield run, item
            continue
        if held is not None:
            if _is_odd(held, item, steps):
                yield run, Refusal(held.line, BAD_STEP, held.text, f"step {held.step} after {steps.last}")
            else:
                run, steps = _go_back(held, run, steps, every)
                yield run, held
            held = None
        row = steps.number(item)
        step = row.step or 0
        if steps.last is not None and step < steps.last:
            held = row
            continue
        steps.take(step)
        yield run, row
    if held is not None:
        run, steps = _go_back(held, run, steps, every)
        yield run, held


def _is_odd(held: Row, item: Row, steps: _Steps) -> bool:
    """Return whether *item* goes on from where the run was before *held*, which is no beginning."""
    goes_on = item.step is not None and steps.last is not None and item.step > steps.last
    return goes_on and held.epoch == item.epoch and held.step != steps.first


def _go_back(held: Row, run: int, steps: _Steps, every: int) -> tuple[int, _Steps]:
    step = held.step or 0
    if steps.is_beginning(step):
        run, steps = run + 1, _Steps(every)
    steps.number(held)  # its epoch
    steps.take(step)
    return run, steps
