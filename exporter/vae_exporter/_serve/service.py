"""Serves a run from its start to its last scrape: the endpoint, the target file and the GPU sampler."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_exporter._process import life_cycle
from vae_exporter._process.targets import Target, advertised_address, publish, withdraw
from vae_exporter._serve.endpoint import endpoint_app, listen
from vae_exporter._serve.scrapers import Scrapers
from vae_exporter.errors import VaeExporterError

if TYPE_CHECKING:
    from pathlib import Path

    from vae_exporter._gpu.sampler import GpuSampler
    from vae_exporter._process.settings import RunSettings
    from vae_exporter._process.targets import TargetFile
    from vae_exporter._record.recorder import Recorder
    from vae_exporter._serve.http import HttpServer
    from vae_exporter.vocabulary import EndState

_logger = logging.getLogger("vae_exporter")


@dataclass(frozen=True)
class Place:
    """Where a run is served and discovered. `TrainingExporter` describes the fields."""

    host: str
    port: int
    targets_dir: Path | None
    advertise: str | None


class RunService:
    """Serves one run.

    Args:
        settings: The settings of the run.
        recorder: The record of the run. `end` ends it.
        place: Where the run is served.
        gpus: The GPU sampler. None means that no GPU is read.
        linger_seconds: The longest time, in seconds, that `end` waits for the last scrapes.
    """

    def __init__(
        self,
        settings: RunSettings,
        recorder: Recorder,
        place: Place,
        *,
        gpus: GpuSampler | None,
        linger_seconds: float,
    ) -> None:
        self._settings = settings
        self._recorder = recorder
        self._place = place
        self._gpus = gpus
        self._linger_seconds = linger_seconds
        self._scrapers = Scrapers()
        self._server: HttpServer | None = None
        self._target_file: TargetFile | None = None
        self._in_process = life_cycle.Run(self.end, self._abandon)
        self._ending = threading.RLock()
        self._has_ended = False
        self.is_abandoned = False
        """Whether this process is a forked child. The run belongs to its parent."""

    @property
    def url(self) -> str | None:
        """The URL of the endpoint. None while it does not listen."""
        return self._server.url if self._server else None

    def start(self) -> None:
        """Start the endpoint and the GPU sampler, and write the target file. The run ends with the process.

        Raises:
            EndpointError: If no port is free, or the host is not an address of this machine.
            SettingsError: If the targets folder is not writable, or other machines cannot reach the host.
            VaeExporterError: If the service is already listening, or the run has ended.
        """
        if self._has_ended:
            raise VaeExporterError(f"run {self._settings.run!r} has ended: create a new exporter")
        if self._server:
            raise VaeExporterError(f"the exporter of run {self._settings.run!r} is already listening on {self.url}")
        app = endpoint_app(self._settings, self._recorder, self._scrapers, self._gpus.facts if self._gpus else None)
        self._server = listen(app, host=self._place.host, port=self._place.port)
        life_cycle.watch(self._in_process)
        try:
            self._enter_targets(self._server.port)
        except BaseException:
            self._let_go()
            raise
        if self._gpus:
            self._gpus.start()
        _logger.info("run %r exports metrics on %s/metrics", self._settings.run, self.url)

    def end(self, state: EndState) -> None:
        """End the run in *state*, wait for its last scrapes, and stop listening. A second call waits for the first."""
        if self.is_abandoned:
            return
        with self._ending:  # the process may exit after a second call, so it must wait
            if self._has_ended:
                return
            self._has_ended = True
            try:
                self._recorder.end(state)
                if self._gpus:
                    self._gpus.stop()  # reads once more: the run may have ended by an out-of-memory error
                if self._server:
                    _logger.info("run %r is %s and waits for its last scrape", self._settings.run, state)
                    # A crash at the first step must be seen although nothing has scraped the run yet.
                    is_expected = state == "failed" and self._place.targets_dir is not None
                    self._scrapers.wait(self._scrapers.now(), self._linger_seconds, is_expected=is_expected)
            finally:  # also if Ctrl-C interrupts the wait
                self._let_go()

    def _abandon(self) -> None:
        """Release the endpoint in a forked child. Nothing is recorded here: the run belongs to the parent."""
        self.is_abandoned = True
        if self._server:
            self._server.abandon()

    def _enter_targets(self, port: int) -> None:
        if self._place.targets_dir is not None:
            address = advertised_address(self._place.advertise, host=self._place.host, port=port)
            target = Target(self._settings.run, self._settings.rank, address)
            self._target_file = publish(self._place.targets_dir, target)

    def _let_go(self) -> None:
        try:
            self._stop_serving()
        finally:
            life_cycle.unwatch(self._in_process)

    def _stop_serving(self) -> None:
        # Withdraw the target before the endpoint closes, so that no scrape fails.
        file, self._target_file = self._target_file, None
        if file:
            try:
                withdraw(file)
            except OSError as error:
                _logger.warning(
                    "the target file %s cannot be removed (%s): run `vae-exporter targets prune`", file.path, error
                )
        if self._server:
            self._server.close()
            self._server = None
