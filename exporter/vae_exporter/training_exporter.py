"""The public class that a training loop uses."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

from vae_exporter._gpu.sampler import gpu_sampler
from vae_exporter._process.arguments import suggestion
from vae_exporter._process.life_cycle import exit_by, state_after
from vae_exporter._process.settings import check_settings, exit_codes, gpu_choice, sample_seconds, seconds
from vae_exporter._record.baseline import read_baseline
from vae_exporter._record.history import History, check_history_dir
from vae_exporter._record.observer import Observer
from vae_exporter._record.recorder import Recorder
from vae_exporter._serve.place import check_place
from vae_exporter._serve.push import otlp_push
from vae_exporter._serve.service import RunService
from vae_exporter.vocabulary import END_STATES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from contextlib import AbstractContextManager
    from os import PathLike
    from types import TracebackType

    from typing_extensions import Self

    from vae_exporter.vocabulary import EndState


class TrainingExporter:
    """Export the losses and the GPU health of one run to Prometheus, from inside the training process.

    Args:
        run: The run's name. It must be unique within the Prometheus server, so include a date or a job ID.
        rank: The rank of this process. The default is that of torch.distributed, or of the launcher's environment
            variables, else 0. Nothing is published before it is settled, which the first observation does.
        loss_weights: The weight of each component in the loss, for example
            ``{"rec": 10, "perception": 1, "kl": 1e-4}``.
        band_edges: Edges of the quality bands, by signal and edge name, for a loss on another scale than the default
            edges assume. Set all edges of a signal or none. They override the rules' edges for this run only. Or the
            path of a file that ``vae-exporter learn`` wrote.
        info: Labels of ``vae_run_info`` that describe the run, at most 16.
        outputs_url: The URL of the run's reconstructions. Alerts link to it. Of a picture for each step, it contains
            ``{step}``, as in ``https://host/samples/step-{step}.png``, and alerts link to the folder.
        outputs_every: The number of steps between two such pictures.
        loss: How the trainer computes its NLL: the name of a preset, such as ``"diffusers"``, or a dictionary with any
            of ``preset``, ``distance`` (``"mse"`` or ``"l1"``), ``reduction`` (``"mean"`` or ``"sum"``), ``elements``
            (how many the sum is over) and ``rec_contains_perception``. See docs/losses.md.
        pretrained: Whether the run starts from pretrained weights, so that a low first loss is normal.
        window_steps: The length of the long windows over which losses are averaged, a multiple of 10 between 50 and
            10000. The default depends on how often the NLL is reported: 100 steps or more. See docs/judging.md.
        start_step: The step from which a resumed run continues. None or 0 means that the run starts from scratch.
        resumes: The name of the run that this one resumes, if it has another name. This run takes over the level that
            it held, and its alerts resolve.
        history_dir: A folder in which the run leaves what it knows at its end: the level that it held, which a run
            that resumes it reads, and the course of its NLL, for the *baseline* of later runs.
        baseline: The file of an earlier run, to compare with: one that ``vae-exporter baseline`` wrote, or one in its
            *history_dir*. If that run rose at the same place and fell back, a rise is blamed on the data.
        host: The address to listen on. The default accepts connections from this machine only, ``"0.0.0.0"`` from the
            network.
        port: The port to listen on. If it is taken, the next free port of the 15 that follow is used, or any free port
            if *targets_dir* is set. 0 selects any free port.
        targets_dir: A folder that Prometheus watches for scrape targets. The exporter writes a target file there. See
            docs/discovery.md.
        advertise: The address at which Prometheus reaches this process, as HOST or HOST:PORT. The default is *host*, or
            this machine's name if *host* is a wildcard address.
        web_config: A web configuration file in the format of Prometheus's exporters, for TLS and passwords. Needs the
            extra ``tls``. See docs/discovery.md.
        otlp_endpoint: The URL of an OTLP receiver for metrics, such as
            ``"http://prometheus:9090/api/v1/otlp/v1/metrics"``, to which the metrics are pushed every 15 seconds and at
            the end of the run. Needs the extra ``otlp``. See docs/push.md.
        linger_seconds: The longest time, in seconds, that `close` waits for every recent scraper to scrape once more. A
            failed run with a *targets_dir* also waits for its first scrape, unless it has pushed its end. 0 disables
            waiting.
        gpus: The GPUs whose memory and health are exported: ``"own"`` for those that this process uses, ``"all"`` for
            those of the machine, False for none. See docs/gpu.md.
        gpu_sample_seconds: The interval, in seconds, at which a background thread reads the GPUs, 0.1 to 60.
        orderly_exit_codes: Exit codes with which the training ends when a scheduler asks it to, for example ``[-1]``
            under submitit. ``sys.exit`` with one of them ends the run as terminated.

    Raises:
        SettingsError: If an argument is invalid. The message names the argument and the fix.
    """

    def __init__(  # noqa: PLR0913 - the settings of a run
        self,
        run: str,
        *,
        rank: int | None = None,
        loss_weights: Mapping[str, float] | None = None,
        band_edges: Mapping[str, Mapping[str, float]] | str | PathLike[str] | None = None,
        info: Mapping[str, object] | None = None,
        outputs_url: str | None = None,
        outputs_every: int | None = None,
        loss: str | Mapping[str, object] | None = None,
        pretrained: bool = False,
        window_steps: int | None = None,
        start_step: int | None = None,
        resumes: str | None = None,
        history_dir: str | PathLike[str] | None = None,
        baseline: str | PathLike[str] | None = None,
        host: str = "127.0.0.1",
        port: int = 9645,
        targets_dir: str | PathLike[str] | None = None,
        advertise: str | None = None,
        web_config: str | PathLike[str] | None = None,
        otlp_endpoint: str | None = None,
        linger_seconds: float = 30,
        gpus: str | Literal[False] | None = "own",
        gpu_sample_seconds: float = 5,
        orderly_exit_codes: Collection[int] = (),
    ) -> None:
        self._settings = check_settings(
            run=run,
            rank=rank,
            loss_weights=loss_weights,
            band_edges=band_edges,
            info=info,
            outputs_url=outputs_url,
            outputs_every=outputs_every,
            start_step=start_step,
            resumes=resumes,
            loss=loss,
            pretrained=pretrained,
            window_steps=window_steps,
        )
        place = check_place(host=host, port=port, targets_dir=targets_dir, advertise=advertise, web_config=web_config)
        self._recorder = Recorder(
            start_step=self._settings.start_step,
            is_resumed=resumes is not None,
            baseline=None if baseline is None else read_baseline(baseline),
            keeps_course=history_dir is not None,
            definition=self._settings.definition,
            window_steps=self._settings.window_steps,
        )
        self._service = RunService(
            self._settings,
            self._recorder,
            place,
            rank=None if rank is None else self._settings.rank,
            gpus=gpu_sampler(gpu_choice(gpus), sample_seconds(gpu_sample_seconds), self._recorder.failures),
            linger_seconds=seconds("linger_seconds", linger_seconds),
            history=None if history_dir is None else History(check_history_dir(history_dir)),
            push=otlp_push(otlp_endpoint, self._recorder.failures),
        )
        self._observer = Observer(self._settings.run, self._recorder, self._settings.loss_weights, self._service)
        self._orderly_exit_codes = exit_codes(orderly_exit_codes)
        # An error that is already being handled, as where ``except:`` retries the training, is not this run's failure.
        self._error_before = sys.exc_info()[1]

    @property
    def url(self) -> str | None:
        """The URL of the endpoint, for example ``http://127.0.0.1:9645``. None while it does not listen."""
        return self._service.url

    def start(self) -> Self:
        """Start serving metrics, and return this exporter. Does nothing if it serves already.

        Values may be observed before this call. After it, SIGTERM ends the run as terminated, and so does a SIGHUP,
        SIGUSR1 or SIGUSR2 that nobody handles. An exit without `close` ends it as failed. A SIGTERM handler that was
        installed before this call still runs.

        If no port is free, or another resource is missing, an error is logged and the training continues unwatched, or
        with an *otlp_endpoint* only pushed.

        Raises:
            VaeExporterError: If the run has ended.
        """
        self._service.start()
        return self

    def observe(  # noqa: PLR0913 - the values of a training step
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
        split: object = "train",  # not a Literal, so that observe(step, **losses) passes the type checker
        skipped: object = False,
        weights: object = None,
        group: object = None,
        mean_over: object = 1,
        data_position: object = None,
        **unknown: object,
    ) -> None:
        """Record the values of one optimizer step.

        Each value is a number or a tensor with one element, on any device. A tensor is copied in this call without
        waiting for its device, so it may be modified or freed afterwards. Calls for the same step are merged. A loss
        that is reported several times for one step is averaged.

        Never raises. Errors are logged once and counted in ``vae_exporter_errors_total`` and
        ``vae_exporter_dropped_observations_total``.

        Args:
            step: The optimizer step. None means the step after the newest one, or the newest one for validation losses.
            nll: The negative log-likelihood: the weighted sum of *rec* and *perception*, to which the bands apply.
            rec: The reconstruction loss, unweighted.
            perception: The perceptual loss, unweighted.
            kl: The Kullback-Leibler divergence, unweighted.
            total: The total loss that is minimized.
            generator: The adversarial loss of the generator.
            discriminator: The loss of the discriminator.
            logvar: The learned log variance of the likelihood.
            learning_rate: The learning rate.
            gradient_norm: The gradient norm.
            loss_scale: The loss scale of the gradient scaler.
            discriminator_factor: The weight of the adversarial loss.
            epoch: The epoch.
            split: ``"train"`` or ``"validation"``. Validation losses are kept separate and do not begin a step.
            skipped: Whether the gradient scaler skipped this step. Non-finite losses at a skipped step raise no alert.
            weights: The loss weights from this step on, by component, if a schedule changes them.
            group: The bucket that the batch comes from, such as ``"512px"``, if batches differ in difficulty. Losses
                are then compared like with like. At most 16 groups.
            mean_over: The number of steps, up to this one, that each loss is the mean of, if the trainer reports means.
                Such a mean is worth as much as that many values.
            data_position: The index of the sample or shard that the batch comes from, a whole number, if the order of
                the data differs from run to run. A *baseline* is then compared at the same data, otherwise at the same
                step.
            unknown: Any other keyword is ignored and logged once.
        """
        # Faster than a dictionary of all of them, because most are None in most loops.
        values = {"nll": nll, "rec": rec, "perception": perception, "kl": kl, "total": total}
        if generator is not None:
            values["generator"] = generator
        if discriminator is not None:
            values["discriminator"] = discriminator
        if logvar is not None:
            values["logvar"] = logvar
        if learning_rate is not None:
            values["learning_rate"] = learning_rate
        if gradient_norm is not None:
            values["gradient_norm"] = gradient_norm
        if loss_scale is not None:
            values["loss_scale"] = loss_scale
        if discriminator_factor is not None:
            values["discriminator_factor"] = discriminator_factor
        if epoch is not None:
            values["epoch"] = epoch
        self._observer.observe(
            step,
            values,
            split=split,
            skipped=skipped,
            weights=weights,
            group=group,
            mean_over=mean_over,
            data_position=data_position,
            unknown=unknown,
        )

    def observe_log(
        self,
        step: int | None,
        log: Mapping[str, object],
        *,
        names: Mapping[str, str] | None = None,
        mean_over: int = 1,
    ) -> None:
        """Record the values in *log*, the dictionary that a trainer logs, as `observe` does.

        If the log has no NLL, it is computed from its parts and their ``loss_weights``. A log in which no key is known
        still counts as a step, and is warned about once.

        Never raises.

        Args:
            step: The optimizer step. None means the step after the newest one.
            log: Values by key, which may be nested. Names that trainers commonly use are recognized (``nll_loss``,
                ``train/recon_loss``, ``Val NLL``, ...). docs/metrics.md lists them and their precedence. Other keys
                are ignored.
            names: The keys of values under other names, for example ``{"nll": "my_key"}``. The key of a value in a
                nested dictionary is ``"outer/inner"``.
            mean_over: The number of steps, up to this one, that each loss is the mean of.
        """
        self._observer.observe_log(step, log, names, mean_over=mean_over)

    def observe_probe(self, step: int | None = None, **losses: object) -> None:
        """Record the losses on a fixed probe clip, which separate a worse model from harder data.

        Never raises.

        Args:
            step: The optimizer step. None means the newest step.
            losses: Any of ``nll``, ``rec``, ``perception``, ``kl`` and ``total``, as for `observe`.
        """
        self._observer.observe_probe(step, losses)

    def observe_reconstruction(
        self, step: int | None, inputs: object, outputs: object, every: int = 100, data_range: float = 2.0
    ) -> None:
        """Compare reconstructions with their inputs, and export sharpness, contrast and PSNR.

        Call it at every step. It compares in the first call and again after *every* steps, and returns at once
        otherwise. A comparison takes a sample of bounded size (see docs/metrics.md) and runs on the device of the
        frames without waiting for it. Both tensors may be modified or freed afterwards.

        Never raises. Errors, such as running out of memory, are logged once and counted, as in `observe`.

        Args:
            step: The optimizer step. None means the newest step.
            inputs: The clips or frames that the VAE encoded, in any shape that ends in height and width, for example
                ``(B, C, T, H, W)``, ``(B, T, C, H, W)`` or ``(B, C, H, W)``. Any floating-point dtype, any device.
            outputs: The reconstructions, with the shape and device of *inputs*.
            every: The number of steps between comparisons.
            data_range: The width of the value range: 2.0 for [-1, 1], 1.0 for [0, 1].
        """
        self._observer.observe_reconstruction(step, inputs, outputs, every=every, data_range=data_range)

    def stage(self, name: str, step: int | None = None) -> None:
        """Begin a stage of the training, such as a higher resolution, in which another level of the loss is normal.

        The means and the level that rises are compared with start over. Never raises.

        Args:
            name: The name of the stage, for example ``"512px"``. It is logged.
            step: The first optimizer step of the stage. None means the next step.
        """
        self._observer.stage(name, step)

    def gauge(self, name: str, value: object) -> None:
        """Export *value* as the gauge *name*, for what a trainer reports besides the losses. It is never judged.

        Never raises. Errors are logged once and counted, as in `observe`.

        Args:
            name: At most 64 letters, digits and ``_ . / -``, for example ``"psnr"``. A run has at most 64 names.
            value: A number or a tensor with one element, on any device, which is copied as in `observe`. A value that
                is not finite is ignored.
        """
        self._observer.gauge(name, value)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint should carry: the level that the NLL has held, and what changed before.

        It has numbers, strings, dictionaries and None only. Pass it to `load_state_dict` of the run that resumes from
        this checkpoint.
        """
        return self._recorder.state().as_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the *state* of a checkpoint, before the first step. The run then counts as resumed.

        A rise is compared with the level that the run held before the checkpoint, even if Prometheus has forgotten it.

        Never raises. A state that cannot be read is logged and ignored.
        """
        self._observer.take_over(state)

    def paused(self, activity: str = "") -> AbstractContextManager[None]:
        """Mark the run as paused while the block runs, for example during validation or checkpointing.

        A pause does not count as a stall, and its time is excluded from the step durations.

        Args:
            activity: What the training does in the block, for example ``"validation"``. It is logged at level INFO at
                the start and the end of the pause.
        """
        return self._observer.paused(activity)

    def close(self, state: EndState | None = None) -> None:
        """End the run, wait until every recent scraper has read its end, and stop listening.

        The run ends as finished. It ends as terminated after SIGTERM or Ctrl-C, and as failed in a ``finally:`` block
        that another exception passes through. Further calls do nothing.

        Args:
            state: Overrides this, for example ``"terminated"`` in a handler that saves a checkpoint before the time
                limit of a scheduler.
        """
        error = sys.exc_info()[1]
        if error is self._error_before:
            error = None
        self._end(state, error)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end(None, error)

    def __reduce__(self) -> tuple[Callable[[dict[str, Any]], TrainingExporter], tuple[dict[str, Any]]]:
        """Describe a copy that records nothing: a thread, a socket and a device's memory have no copy."""
        return _inert_copy, ({"run": self._settings.run, "rank": self._settings.rank},)

    def _end(self, state: EndState | None, error: BaseException | None) -> None:
        if state is not None and state not in END_STATES:
            message = f"close() got the state {state!r}: {suggestion(state, END_STATES)}"
            self._recorder.failures.tell("close", message)
            state = None
        number = self._service.end(state or state_after(error, self._orderly_exit_codes))
        if number is not None and error is None:
            exit_by(number)


def _inert_copy(settings: dict[str, Any]) -> TrainingExporter:
    copy = TrainingExporter(**settings, gpus=False)
    copy._service.idle("is exported by the original of this copy: nothing is recorded here")  # noqa: SLF001 - its own class
    return copy
