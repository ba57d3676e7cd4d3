"""Split the rows of a log into runs, and recognize resumes, which go back to an earlier step."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vae_exporter.judge.logs.rows import BAD_STEP, Refusal, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BEGINNING = 0.1
"""A run that goes back to within this fraction of its steps is a new run. Nobody resumes from that far back."""


class _Steps:
    """The steps of one run, in the order of the file."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._offset = 0
        self._apart = 0  # steps between the last two rows
        self._epoch: int | None = None
        self._names: set[str] = set()
        self.first: int | None = None
        self.last: int | None = None

    def number(self, row: Row) -> Row:
        """Return *row* with its step: counted if the log has none, cumulative if the log counts within each epoch."""
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
        """Return whether going back to *step* starts another run. A pasted log may lack the first lines of a run."""
        if self.first is None or self.last is None:
            return True
        return step - self.first <= max(2 * self._apart, BEGINNING * (self.last - self.first))


def split_into_runs(items: Iterable[Row | Refusal], *, every: int = 1) -> Iterator[tuple[int, Row | Refusal]]:
    """Yield each of *items* with the number of its run, from 0, and with its step filled in.

    A step that goes back to about the start of the run, or before it, starts another run. One that goes back less far
    is a resume. A single row that goes back, between two that are in order, is a misprint and is refused.

    Args:
        items: The rows in the order of the file.
        every: The number of steps per row if the log has no steps.
    """
    run = 0
    steps = _Steps(every)
    held: Row | None = None  # a row that went back; the next row decides whether it is a misprint
    for item in items:
        if isinstance(item, Refusal):
            yield run, item
            continue
        if not item.values:  # an evaluation, of the last step before it
            yield run, replace(item, step=steps.last or 0)
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
    """Return whether *held* is a misprint: *item* continues from before it, and *held* is not the start of a run."""
    goes_on = item.step is not None and steps.last is not None and item.step > steps.last
    return goes_on and held.epoch == item.epoch and held.step != steps.first


def _go_back(held: Row, run: int, steps: _Steps, every: int) -> tuple[int, _Steps]:
    step = held.step or 0
    if steps.is_beginning(step):
        run, steps = run + 1, _Steps(every)
    steps.number(held)  # its epoch
    steps.take(step)
    return run, steps
