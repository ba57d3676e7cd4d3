"""What the processes of a run hand on to the next one: the level that the NLL held, and what changed before."""

from __future__ import annotations

import numbers
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from vae_exporter._process.arguments import finite, mapping
from vae_exporter._record.facts import ChangeFacts, LevelFacts
from vae_exporter._record.mixture import GroupLevel
from vae_exporter.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
"""The version of the dictionary. A state of another version is refused."""

_LEVELS = ("best", "best_short", "highest", "held")


@dataclass(frozen=True)
class SavedState:
    """What is known of a run up to *step*. `TrainingExporter.state_dict` returns it as a dictionary."""

    step: int | None = None
    level: LevelFacts = field(default_factory=LevelFacts)
    group_levels: Mapping[str, GroupLevel] = field(default_factory=dict)
    changes: Mapping[str, ChangeFacts] = field(default_factory=dict)
    probe_best: Mapping[str, float] = field(default_factory=dict)

    def before(self, step: int) -> SavedState:
        """Return the state without what happened at *step* or later: these steps are about to be trained again."""
        last = self.level.last_step
        return replace(
            self,
            level=replace(self.level, last_step=last if last is None else min(last, step - 1)),
            changes={name: change for name, change in self.changes.items() if change.first_step < step},
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as a dictionary of plain values, which JSON and ``torch.load(weights_only=True)`` can read."""
        return {"version": VERSION, **asdict(self)}


def read_state(given: object) -> SavedState:
    """Return the state that *given*, a dictionary of `SavedState.as_dict`, describes.

    Raises:
        SettingsError: If it is not such a dictionary. The message names the entry.
    """
    state = mapping("the state", given)
    version = state.get("version")
    if version != VERSION:
        raise SettingsError(f"the state must have the version {VERSION}, got {version!r:.80}")
    return SavedState(
        step=_whole("step", state.get("step")),
        level=_level(_entry(state, "level")),
        group_levels={
            str(name): GroupLevel(**_numbers(f"group_levels[{name!r}]", of_group, ("held", "best")))
            for name, of_group in _entry(state, "group_levels").items()
        },
        changes={str(name): _change(str(name), change) for name, change in _entry(state, "changes").items()},
        probe_best={
            str(name): finite(f"probe_best[{name!r}]", best) for name, best in _entry(state, "probe_best").items()
        },
    )


def _entry(state: Mapping[Any, Any], name: str) -> Mapping[Any, Any]:
    return mapping(name, state.get(name))


def _level(given: Mapping[Any, Any]) -> LevelFacts:
    return LevelFacts(
        **_numbers("level", given, _LEVELS),
        held_step=_whole("level['held_step']", given.get("held_step")),
        held_means={
            str(name): finite(f"held_means[{name!r}]", mean) for name, mean in _entry(given, "held_means").items()
        },
        last_step=_whole("level['last_step']", given.get("last_step")),
    )


def _change(name: str, given: object) -> ChangeFacts:
    change = mapping(f"changes[{name!r}]", given)
    steps = [_whole(f"changes[{name!r}]", change.get(end)) for end in ("first_step", "last_step")]
    first, last = (0 if step is None else step for step in steps)
    return ChangeFacts(first, last)


def _numbers(name: str, given: object, known: tuple[str, ...]) -> dict[str, float | None]:
    values = mapping(name, given)
    return {key: None if values.get(key) is None else finite(f"{name}[{key!r}]", values[key]) for key in known}


def _whole(name: str, value: object) -> int | None:
    if value is None or (isinstance(value, numbers.Integral) and not isinstance(value, bool)):
        return None if value is None else int(value)
    raise SettingsError(f"{name} must be a whole number, got {value!r:.80}")
