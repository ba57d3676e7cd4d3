"""Announces one rank to Prometheus by a target file, from its start to its end."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from vae_exporter._process.targets import Target, advertised_address, publish, withdraw
from vae_exporter.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from vae_exporter._process.targets import End, TargetFile

_logger = logging.getLogger("vae_exporter")


class Announcement:
    """The target file of one rank. It does nothing if *folder* is None. Nothing here raises: the training continues.

    Args:
        folder: The folder that Prometheus watches.
        advertise: The address at which Prometheus reaches this process: see `advertised_address`.
    """

    def __init__(self, folder: Path | None, advertise: str | None) -> None:
        self._folder = folder
        self._advertise = advertise
        self._target: Target | None = None
        self._file: TargetFile | None = None
        self._end_file: TargetFile | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether there is a folder for it."""
        return self._folder is not None

    @property
    def is_made(self) -> bool:
        """Whether the file has been written."""
        return self._file is not None

    def make(self, run: str, rank: int, *, host: str, port: int, scheme: str = "http") -> None:
        """Write the file, in place of the one that this process wrote before."""
        if self._folder is None:
            return
        try:
            self.withdraw()
            address = advertised_address(self._advertise, host=host, port=port)
            self._target = Target(run, rank, address, scheme=scheme)
            self._file = publish(self._folder, self._target)
        except SettingsError as error:
            _logger.error("run %r has no target file, so Prometheus may not find it: %s", run, error)  # noqa: TRY400 - the message says it all

    def keep(self, end: End) -> None:
        """Write the *end* of the run into a file of its own, where it outlives this process."""
        if self._file is not None and self._target is not None and self._folder is not None:
            try:
                self._end_file = publish(self._folder, replace(self._target, end=end))
            except SettingsError as error:
                _logger.warning("the end of run %r may be unknown to Prometheus: %s", self._target.run, error)

    def take_back(self) -> None:
        """Remove the file with the end, which has not come."""
        file, self._end_file = self._end_file, None
        _remove(file)

    def withdraw(self, *, keeps_end: bool = False) -> None:
        """Remove the file, and that with the end unless *keeps_end*."""
        file, self._file = self._file, None
        _remove(file)
        if keeps_end:
            self._end_file = None
        self.take_back()


def _remove(file: TargetFile | None) -> None:
    if file is not None:
        try:
            withdraw(file)
        except OSError as error:
            _logger.warning("%s cannot be removed (%s): run `vae-exporter targets prune`", file.path, error)
