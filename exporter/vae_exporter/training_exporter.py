"""The exporter as a training loop uses it."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from vae_exporter._gpu.sampler import gpu_sampler
from vae_exporter._process.life_cycle import state_after
from vae_exporter._process.settings import (
    check_settings,
    gpu_choice,
    host_name,
    sample_seconds,
    seconds,
    suggestion,
    whole_port,
)
from vae_exporter._process.targets import check_advertise, check_targets_dir
from vae_exporter._record.log_names import values_of_log
from vae_exporter._record.recorder import Recorder
from vae_exporter._serve.service import Place, RunService
from vae_exporter.vocabulary import COMPONENTS, GAUGES, PROBED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from os import PathLike
    from types import TracebackType

    from typing_extensions import Self

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
        targets_dir: a folder that Prometheus watches for targets: this process is entered there. See docs/discovery.md.
        advertise: the address under which Prometheus reaches this process, HOST or HOST:PORT; by default *host*, or
            this machine's name where *host* is all addresses.
        linger_seconds: how long `close` waits, at most, for each recent scraper to come again; for the first one, too,
            where a run with *targets_dir* has failed. 0: not at all.
        gpus: whose memory and health are published: ``"own"``, the devices that this process uses; ``"all"``, those of
            the machine; False: none. See docs/gpu.md.
        gpu_sample_seconds: how often they are read, in a thread of their own, 0.1 to 60.

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
        targets_dir: str | PathLike[str] | None = None,
        advertise: str | None = None,
        linger_seconds: float = 30,
        gpus: str | Literal[False] | None = "own",
        gpu_sample_seconds: float = 5,
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
        place = Place(
            host=host_name(host),
            port=whole_port(port),
            targets_dir=None if targets_dir is None else check_targets_dir(targets_dir),
            advertise=None if advertise is None else check_advertise(advertise),
        )
        self._recorder = Recorder(start_step=self._settings.start_step)
        self._service = RunService(
            self._settings,
            self._recorder,
            place,
            gpus=gpu_sampler(gpu_choice(gpus), sample_seconds(gpu_sample_seconds), self._recorder.failures),
            linger_seconds=seconds("linger_seconds", linger_seconds),
        )
        self._error_before = sys.exc_info()[1]  # a training that is tried again in an ``except:`` is not ended by it

    @property
    def url(self) -> str | None:
        """The endpoint's address, for example ``http://127.0.0.1:9645``; None while it does not listen."""
        return self._service.url

    def start(self) -> Self:
        """Listen, and return this exporter. Losses may be observed before, too.

        From now on the run ends with the process, too: terminated by SIGTERM, failed by an exit without `close`. A
        handler of SIGTERM that stands already is called as before.

        Raises:
            EndpointError: no port is free, or the host cannot be listened on.
            SettingsError: *targets_dir* cannot be written, or others cannot reach *host*.
            VaeExporterError: it listens already, or has ended.
        """
        self._service.start()
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
        split: object = "train",  # no narrower, so that observe(step, **losses) is of the right type
        skipped: object = False,
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
            split: ``"validation"`` for losses of an evaluation: they never mix with the training's, and begin no step.
            skipped: whether the gradient scaler skipped this step: what is not finite at it is no divergence.
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
                self._refuse("observe", unknown, _OBSERVED)
            self._observe(step, values, split=split, skipped=skipped)
        except Exception as error:  # noqa: BLE001 - the training goes on whatever happens here
            self._recorder.failures.caught("observe", "observe()", error)

    def observe_log(self, step: int | None, log: Mapping[str, object]) -> None:
        """Record what is known of *log*, a trainer's own dictionary of what it logs, as `observe` does.

        Keys are those of the latent diffusion family (``nll_loss``, ``rec_loss``, ``p_loss``, ``vae_loss``, ``lr``,
        ...), bare or after ``train/``; after ``val/`` or ``validation/`` they are the validation's. docs/metrics.md
        lists them, and says which wins where two mean one. Other keys are ignored. Never raises.
        """
        try:
            for split, values in values_of_log(log).items():
                if values:
                    self._observe(step, values, split=split, skipped=False)
        except Exception as error:  # noqa: BLE001 - as above
            self._recorder.failures.caught("observe", "observe_log()", error)

    def observe_probe(self, step: int | None = None, **losses: object) -> None:
        """Record *losses* (nll, rec, perception, kl, total) on one fixed clip, tried every now and then at *step*.

        They tell a model that gets worse from data that get harder. None: at the present step. Never raises.
        """
        try:
            self._refuse("observe_probe", losses.keys() - set(PROBED), PROBED)
            if not self._service.is_abandoned:
                self._recorder.observe_probe(step, {name: losses[name] for name in PROBED if name in losses})
        except Exception as error:  # noqa: BLE001 - as above
            self._recorder.failures.caught("observe", "observe_probe()", error)

    def observe_reconstruction(
        self, step: int | None, inputs: object, outputs: object, every: int = 100, data_range: float = 2.0
    ) -> None:
        """Publish how sharp and how rich in contrast *outputs* are beside their *inputs*, and their PSNR.

        Call it at every step: it compares at the first, and then *every* steps later at the earliest. It looks at a
        sample of bounded size (docs/metrics.md), on the frames' own device and without waiting for it. Both may be
        changed or freed afterwards.

        Args:
            step: the optimizer's step. None: the present one.
            inputs: the clips or frames that the VAE was given, of any shape that ends in height and width: ``(B, C, T,
                H, W)``, ``(B, C, H, W)``, ``(B, T, C, H, W)``. Of any floating-point dtype, on any device.
            outputs: what it made of them, of the same shape and on the same device.
            every: how many steps lie between two comparisons.
            data_range: the width of the values' range: 2.0 of [-1, 1], 1.0 of [0, 1].

        Never raises: what goes wrong, such as a lack of memory, is logged once and counted, as by `observe`.
        """
        try:
            if not self._service.is_abandoned:
                self._recorder.observe_reconstruction(step, inputs, outputs, every=every, data_range=data_range)
        except Exception as error:  # noqa: BLE001 - as above
            self._recorder.failures.caught("observe", "observe_reconstruction()", error)

    @contextmanager
    def paused(self, activity: str = "") -> Iterator[None]:
        """Pause the run while the block lasts, for an evaluation or a checkpoint: it is no stall and no slow step.

        Args:
            activity: what the training does meanwhile, for example ``"validation"``. The log names it at level INFO
                when the pause begins and ends.
        """
        if self._service.is_abandoned:
            yield
            return
        self._recorder.pause()
        _logger.info("run %r: the training pauses%s", self._settings.run, f" for {activity}" if activity else "")
        try:
            yield
        finally:
            if not self._service.is_abandoned:  # the block may have forked
                self._recorder.resume()
                after = f" after {activity}" if activity else ""
                _logger.info("run %r: the training continues%s", self._settings.run, after)

    def close(self) -> None:
        """End the run as finished, let every recent scraper read its end, and stop listening. Again: does nothing.

        After SIGTERM it ends as terminated; in a ``finally:`` that an exception passes through, by that exception.
        """
        error = sys.exc_info()[1]
        self._service.end(state_after(None if error is self._error_before else error))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._service.end(state_after(error))

    def _observe(self, step: int | None, values: Mapping[str, object], *, split: object, skipped: object) -> None:
        if not self._service.is_abandoned:
            self._recorder.observe(step, values, split=split, skipped=skipped)

    def _refuse(self, method: str, unknown: Iterable[str], known: Sequence[str]) -> None:
        for name in unknown:
            message = f"{method}() has no value {name!r}: {suggestion(name, known)}"
            self._recorder.failures.drop("invalid", name, message)
