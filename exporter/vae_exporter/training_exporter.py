"""The exporter as a training loop uses it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from vae_exporter._endpoint import Scrapers, endpoint_app, listen
from vae_exporter._recorder import COMPONENTS, GAUGES, Recorder
from vae_exporter._settings import check_settings, seconds, suggestion, whole_port
from vae_exporter.errors import VaeExporterError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self

    from vae_exporter._http import HttpServer

_logger = logging.getLogger("vae_exporter")

_OBSERVED = (*COMPONENTS, *GAUGES)


class TrainingExporter:
    """Publishes one run's losses for Prometheus, from inside the training process.

    Args:
        run: the run's name, unique where Prometheus sees it: put a date or a job's id in it.
        rank: this process's rank; by default ``RANK``, else ``SLURM_PROCID``, else 0.
        loss_weights: the weight of each component in the loss: ``{"rec": 10, "perception": 1, "kl": 1e-4}``.
        band_edges: the run's own edges of the quality bands, by signal and edge, for a loss of another scale. All edges
            of a signal or none. They win over the rules' for this run alone.
        info: what tells this run from others, as labels of ``vae_run_info``: 16 at most.
        outputs_url: where a person looks at the reconstructions; it stands on every page.
        start_step: the step that a resumed run goes on from. None or 0: the run starts anew.
        host: the address to listen on. The default serves this machine alone; ``"0.0.0.0"`` serves the network.
        port: the port to listen on; where it is taken, the next free one of 16. 0: any free one.
        linger_seconds: how long `close` waits, at most, for each recent scraper to come again. 0: not at all.

    Raises:
        SettingsError: one of these cannot be used; the message says which and what to do.
    """

    def __init__(  # noqa: PLR0913 - the settings of a run
        self,
        run: str,
        *,
        rank: int | None = None,
        loss_weights: Mapping[str, float] | None = None,
        band_edges: Mapping[str, Mapping[str, float]] | None = None,
        info: Mapping[str, object] | None = None,
        outputs_url: str | None = None,
        start_step: int | None = None,
        host: str = "127.0.0.1",
        port: int = 9645,
        linger_seconds: float = 30,
    ) -> None:
        self._settings = check_settings(
            run=run,
            rank=rank,
            loss_weights=loss_weights,
            band_edges=band_edges,
            info=info,
            outputs_url=outputs_url,
            start_step=start_step,
        )
        self._host = host
        self._port = whole_port(port)
        self._linger_seconds = seconds("linger_seconds", linger_seconds)
        self._recorder = Recorder(start_step=self._settings.start_step)
        self._scrapers = Scrapers()
        self._server: HttpServer | None = None

    @property
    def url(self) -> str | None:
        """The endpoint's address, for example ``http://127.0.0.1:9645``; None while it does not listen."""
        return self._server.url if self._server else None

    def start(self) -> Self:
        """Listen, and return this exporter. Losses may be observed before, too.

        Raises:
            EndpointError: no port is free, or the host cannot be listened on.
            VaeExporterError: it listens already.
        """
        if self._server:
            raise VaeExporterError(f"the exporter of run {self._settings.run!r} listens already, on {self.url}")
        app = endpoint_app(self._settings, self._recorder, self._scrapers)
        self._server = listen(app, host=self._host, port=self._port)
        _logger.info("run %r: metrics on %s/metrics", self._settings.run, self.url)
        return self

    def observe(  # noqa: PLR0913 - what a training step has to tell
        self,
        step: int | None = None,
        *,
        nll: object = None,
        rec: object = None,
        perception: object = None,
        kl: object = None,
        total: object = None,
        generator: object = None,
        discriminator: object = None,
        logvar: object = None,
        learning_rate: object = None,
        gradient_norm: object = None,
        loss_scale: object = None,
        discriminator_factor: object = None,
        epoch: object = None,
        **unknown: object,
    ) -> None:
        """Record the values of one optimizer step.

        Each is a float, or a tensor with one element on any device: it is copied now, without waiting for the device,
        and may be changed or freed afterwards. Calls at one step merge; a loss given twice at a step is averaged.

        Args:
            step: the optimizer's step. None counts by itself, one step a call.
            nll: the negative log-likelihood, which the quality bands judge: the weighted sum of *rec* and *perception*.
            rec: the reconstruction loss, without its weight.
            perception: the perceptual loss, without its weight.
            kl: the Kullback-Leibler divergence, without its weight.
            total: what is minimised.
            generator: the generator's adversarial loss.
            discriminator: the discriminator's loss.
            logvar: the learned log variance of the likelihood.
            learning_rate: the optimizer's learning rate.
            gradient_norm: the norm of the gradient.
            loss_scale: the gradient scaler's factor.
            discriminator_factor: the weight of the adversarial loss.
            epoch: the epoch.
            unknown: any other name is logged once, and ignored.

        Never raises: what goes wrong is logged once and counted in ``vae_exporter_errors_total`` and
        ``vae_exporter_dropped_observations_total``.
        """
        values = {
            "nll": nll,
            "rec": rec,
            "perception": perception,
            "kl": kl,
            "total": total,
            "generator": generator,
            "discriminator": discriminator,
            "logvar": logvar,
            "learning_rate": learning_rate,
            "gradient_norm": gradient_norm,
            "loss_scale": loss_scale,
            "discriminator_factor": discriminator_factor,
            "epoch": epoch,
        }
        try:
            if unknown:
                self._refuse(unknown)
            self._recorder.observe(step, values)
        except Exception as error:  # noqa: BLE001 - the training goes on whatever happens here
            self._recorder.failures.caught("observe", "observe()", error)

    def close(self) -> None:
        """End the run as finished, let every recent scraper read its end, and stop listening. Again: does nothing."""
        self._end("finished")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end(_state_after(error))

    def _refuse(self, unknown: Mapping[str, Any]) -> None:
        for name in unknown:
            message = f"observe() has no value {name!r}: {suggestion(name, _OBSERVED)}"
            self._recorder.failures.drop("invalid", name, message)

    def _end(self, state: str) -> None:
        if not self._recorder.end(state):
            return
        if self._server:
            try:
                self._scrapers.wait(self._scrapers.now(), self._linger_seconds)
            finally:  # Ctrl-C while it waits: leave at once
                self._server.close()
                self._server = None


def _state_after(error: BaseException | None) -> str:
    """Return the state of a run whose ``with`` block was left by *error*."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "finished"
    return "terminated" if isinstance(error, KeyboardInterrupt) else "failed"
