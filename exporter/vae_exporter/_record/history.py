"""The folder in which a run leaves what later runs need of it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from vae_exporter._process.whole_file import slug, write_whole
from vae_exporter._record.baseline import FILE_FIELD as BASELINE_FIELD
from vae_exporter._record.saved_state import read_state
from vae_exporter.errors import SettingsError

if TYPE_CHECKING:
    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.recorder import Recorder
    from vae_exporter._record.saved_state import SavedState

STATE_FIELD = "state"

_logger = logging.getLogger("vae_exporter")


def check_history_dir(given: object) -> Path:
    """Return *given* as an absolute path, because the training may change its working directory.

    Raises:
        SettingsError: If it is not a path, or names something other than a folder.
    """
    if not isinstance(given, (str, os.PathLike)) or not os.fspath(given):
        raise SettingsError(f"history_dir must be the path of a folder, got {given!r:.80}")
    folder = Path(os.fsdecode(given)).absolute()
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"history_dir must be a folder, got {str(given)!r}, which is not a folder")
    return folder


def history_file(folder: Path, run: str, rank: int) -> Path:
    """Return the path of the file of one rank of *run*."""
    name = slug(run)
    if name != run:  # another run may have the same slug
        name = f"{name}-{hashlib.sha256(run.encode()).hexdigest()[:8]}"
    return folder / f"{name}-rank{rank}.json"


class History:
    """Reads what earlier processes of a run have left in *folder*, and leaves the same at its end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def hand_on(self, settings: RunSettings, recorder: Recorder) -> None:
        """Give *recorder* the state of the run that it resumes. A run from scratch gets none."""
        run = settings.resumes or (settings.run if settings.start_step else None)
        saved = None if run is None else self._state_of(run, settings.rank)
        if saved:
            recorder.take_over(saved)

    def leave(self, settings: RunSettings, recorder: Recorder) -> None:
        """Write what *recorder* knows of the run. What the file system denies is logged."""
        path = history_file(self._folder, settings.run, settings.rank)
        content = {"run": settings.run, "rank": settings.rank, STATE_FIELD: recorder.state().as_dict()}
        course = recorder.course()
        if course:
            content[BASELINE_FIELD] = course.as_dict()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, json.dumps(content).encode() + b"\n")
        except OSError as error:
            _logger.warning("run %r leaves no history: cannot write %s (%s)", settings.run, path, error)

    def _state_of(self, run: str, rank: int) -> SavedState | None:
        """Return the state that *rank* of *run* left, or else its rank 0."""
        for path in dict.fromkeys(history_file(self._folder, run, number) for number in (rank, 0)):
            try:
                return read_state(json.loads(path.read_bytes()).get(STATE_FIELD))
            except FileNotFoundError:
                continue
            except (OSError, ValueError, AttributeError, RecursionError) as error:
                _logger.warning("the level that run %r held is unknown: cannot read %s (%s)", run, path, error)
                return None
        return None
