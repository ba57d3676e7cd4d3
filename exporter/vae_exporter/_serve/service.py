"""What serves a run until its last scrape: the endpoint, its entry among the targets, and the sampler of the GPUs."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from vae_exporter._process import ancestors, life_cycle
from vae_exporter._process.ancestors import ExportedRun
from vae_exporter._process.announcement import Announcement
from vae_exporter._process.gevent_patch import warn_of_gevent
from vae_exporter._process.rank import assumed_rank, known_rank, may_be_one_of_many, place_labels
from vae_exporter._process.targets import End
from vae_exporter._serve.endpoint import endpoint_app, listen, unsettled_app
from vae_exporter._serve.registry import run_registry
from vae_exporter._serve.scrapers import RECENT_SECONDS, Scrapers
from vae_exporter.errors import EndpointError, VaeExporterError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from vae_exporter._gpu.sampler import GpuSampler
    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.history import History
    from vae_exporter._record.recorder import Recorder
    from vae_exporter._serve.http import HttpServer
    from vae_exporter._serve.place import Place
    from vae_exporter._serve.push import Push
    from vae_exporter.vocabulary import EndState

RANK_SECONDS = 30.0
"""How long a process that shows no sign of a launcher waits for torch.distributed before it is rank 0."""

_logger = logging.getLogger("vae_exporter")


class RunService:
    """Serves one run.

    Args:
        settings: The settings of the run.
        recorder: Its record, which ends with the service.
        place: Where it is served.
        rank: The rank that the user gave. None: the launcher's.
        gpus: Reads the GPUs meanwhile. None: nothing reads them.
        linger_seconds: How long the end waits for the last scrapes, at most.
        history: Hands on what earlier processes have left. None: nothing is kept.
        push: Pushes the metrics as well. None: they are only scraped.
    """

    def __init__(  # noqa: PLR0913 - the parts of a run
        self,
        settings: RunSettings,
        recorder: Recorder,
        place: Place,
        *,
        rank: int | None,
        gpus: GpuSampler | None,
        linger_seconds: float,
        history: History | None = None,
        push: Push | None = None,
    ) -> None:
        self._settings = settings
        self._recorder = recorder
        self._place = place
        self._given_rank = rank
        self._gpus = gpus
        self._linger_seconds = linger_seconds
        self._history = history
        self._push = push
        self._scrapers = Scrapers()
        self._server: HttpServer | None = None
        self._app: WSGIApplication = unsettled_app
        self._announcement = Announcement(place.targets_dir, place.advertise)
        self._exported: ExportedRun | None = None
        self._in_process = life_cycle.Run(
            (settings.run, rank), self.end, self._abandon, self._replace, self._hurry, self._foresee
        )
        self._lock = threading.RLock()
        self._started = 0.0
        self._is_live = False
        self._is_settled = False
        self._has_ended = False
        self._is_unscraped = push is not None  # nobody needs to scrape it then
        self._signals = 0
        self._foreseen_at: float | None = None
        self._needs_attention = True
        self._why_idle = ""

    @property
    def url(self) -> str | None:
        """The URL of the endpoint. None while it does not listen."""
        return self._server.url if self._server else None

    @property
    def is_idle(self) -> bool:
        """Whether this exporter records nothing, because another process or another exporter has the run."""
        return bool(self._why_idle)

    def takes_values(self) -> bool:
        """Return whether a value is to be recorded here. The first one settles the rank."""
        return not self._needs_attention or self._attend()

    def idle(self, why: str) -> None:
        """Record nothing from now on. The first value is answered with *why*, which ends the sentence "run x ..."."""
        self._why_idle = why
        self._needs_attention = True

    def start(self) -> None:
        """Listen, be found, and end with the process from now on. Does nothing if it listens already.

        What the machine denies is logged, and the training goes on without being watched.

        Raises:
            VaeExporterError: If the run has ended.
        """
        if self._has_ended:
            raise VaeExporterError(f"the run {self._settings.run!r} has ended: create a new exporter")
        with self._lock:
            if self._is_live or self.is_idle:
                return
            self._started = self._scrapers.now()
            certain = self._given_rank if self._given_rank is not None else known_rank(os.environ)
            above = ancestors.runs_of_ancestors(self._settings.run)
            if certain is None and above:
                ancestors.warn_child(above[0], "it exports a rank of its own once it calls observe()")
            elif any(exported.is_rank(certain or 0, is_certain=certain is not None) for exported in above):
                self._idle_below(above[0])
            else:
                self._go_live(certain)

    def end(self, state: EndState) -> int | None:
        """End the run in *state*, wait for its last scrapes, and stop listening. A second call waits for the first.

        Return the signal that asked the process to end meanwhile, if one did.
        """
        if self.is_idle:
            return None
        with self._lock:  # whoever comes second waits: after it the process may exit
            if self._has_ended:
                return None
            self._has_ended = True
            is_read = False
            try:
                with life_cycle.ending(self._in_process) as ending:
                    if not self._is_settled and self._is_live:
                        self._settle(assumed_rank(os.environ))
                    self._recorder.end(state)
                    if self._history and self._is_settled:
                        self._history.leave(self._settings, self._recorder)
                    if self._gpus:
                        self._gpus.stop()  # with a last look: an out-of-memory error may be why it ends
                    is_pushed = self._push is not None and self._push.finish()
                    is_read = self._server is None or self._wait_for_scrapes(state, is_pushed=is_pushed)
                return ending.signal
            finally:
                self._let_go(keeps_end=not is_read)

    def _attend(self) -> bool:
        """Settle what a value settles, and return whether it is to be recorded here."""
        if self.is_idle:
            self._recorder.failures.tell("idle", f"run {self._settings.run!r} {self._why_idle}")
            return False
        if not self._started or self._has_ended:
            return True
        with self._lock:
            known = self._given_rank if self._given_rank is not None else known_rank(os.environ)
            number = assumed_rank(os.environ) if known is None else known
            if not self._is_live:
                above = ancestors.runs_of_ancestors(self._settings.run)
                if any(exported.is_rank(number, is_certain=known is not None) for exported in above):
                    self._idle_below(above[0])
                    return self._attend()
                self._go_live(number)
            elif not self._is_settled or self._settings.rank != number:
                self._settle(number)
            if self._foreseen_at is not None and self._scrapers.now() - self._foreseen_at > life_cycle.ASKED_SECONDS:
                self._announcement.take_back()
                self._foreseen_at = None
            self._needs_attention = self._foreseen_at is not None
        return True

    def _go_live(self, number: int | None) -> None:
        """Listen and be found. A rank of None is settled later."""
        self._is_live = True
        life_cycle.replace_runs(self._in_process.name)
        warn_of_gevent(self._settings.run)
        try:
            self._server = listen(
                self._place.web_config.guard(self._serve),
                host=self._place.host,
                port=self._place.port,
                is_announced=self._announcement.is_wanted,
                on_poll=self._poll,
                tls=self._place.web_config.tls,
            )
        except EndpointError as error:
            level, what = (
                (logging.WARNING, "cannot be scraped, only pushed") if self._push else (logging.ERROR, "is not watched")
            )
            _logger.log(level, "run %r %s: %s. The training continues.", self._settings.run, what, error)
        life_cycle.watch(self._in_process)
        if self._gpus and (self._server or self._push):
            self._gpus.start()
        if number is not None:
            self._settle(number)
        else:
            self._list(None)

    def _settle(self, number: int) -> None:
        """Publish the run as rank *number*."""
        is_first = not self._is_settled
        self._is_settled = True
        labels = place_labels(os.environ, socket.gethostname())
        self._settings = replace(self._settings, rank=number, info={**labels, **self._settings.info})
        if self._history and is_first:
            self._history.hand_on(self._settings, self._recorder)
        facts = self._gpus.facts if self._gpus else None
        self._app = endpoint_app(self._settings, self._recorder, self._scrapers, facts)
        if self._push:
            self._push.start(run_registry(self._settings, self._recorder, facts))
        self._list(number)
        if self._server:
            self._announcement.make(
                self._settings.run, number, host=self._place.host, port=self._server.port, scheme=self._server.scheme
            )
            _logger.info("run %r, rank %d: metrics on %s/metrics", self._settings.run, number, self.url)

    def _serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._app(environ, start_response)

    def _poll(self) -> None:
        """Look for what happens without a call. The thread of the endpoint calls it, and must outlive an error."""
        try:
            self._look()
        except Exception as error:  # noqa: BLE001 - for example of torch.distributed, or of the file system
            self._recorder.failures.caught("collect", "settling the rank", error)

    def _look(self) -> None:
        if not self._is_settled and self._lock.acquire(blocking=False):
            try:
                if not self._is_settled and not self._has_ended:
                    self._settle_meanwhile()
            finally:
                self._lock.release()
        if not self._is_unscraped and self._scrapers.seconds_without(self._started) > RECENT_SECONDS:
            self._is_unscraped = True
            _logger.warning(
                "run %r has not been scraped for %.0f minutes, so nobody watches it. Check that %s/metrics is "
                "among the targets of Prometheus. This is logged once.",
                self._settings.run,
                RECENT_SECONDS / 60,
                self.url,
            )

    def _settle_meanwhile(self) -> None:
        known = known_rank(os.environ)
        if known is not None:
            self._settle(known)
        elif self._scrapers.now() - self._started > RANK_SECONDS and not may_be_one_of_many(os.environ):
            self._settle(0)

    def _wait_for_scrapes(self, state: EndState, *, is_pushed: bool) -> bool:
        """Wait until every recent scraper has read the end, and return whether it has."""
        ended = self._scrapers.now()
        # A crash at the first step must not go unseen, because nobody has come yet.
        is_expected = state == "failed" and self._announcement.is_wanted and not is_pushed
        missing = self._scrapers.missing(ended, is_expected=is_expected)
        if missing:  # nobody can say that this process is not killed before the scrape
            self._announcement.keep(End(state, self._recorder.facts().steps.newest))
        if missing and self._linger_seconds:
            _logger.warning(
                "run %r %s. It waits up to %.0f s for %d more %s, so that Prometheus reads the end. Ctrl-C ends "
                "the wait.",
                self._settings.run,
                state if state == "finished" else f"has {state}" if state == "failed" else f"was {state}",
                self._linger_seconds,
                missing,
                "scrape" if missing == 1 else "scrapes",
            )
        return self._scrapers.wait(ended, self._linger_seconds, is_expected=is_expected)

    def _hurry(self, number: int) -> None:
        """End the wait for the last scrapes, if the end is not lost with them or the signal is not the first."""
        self._signals += 1
        if number == signal.SIGINT or self._announcement.is_made or self._signals > 1:
            self._scrapers.hurry()

    def _foresee(self) -> None:
        """Keep the end that a signal asks for. The main thread may be stuck, and the process be killed before it."""
        if self._lock.acquire(timeout=1):  # it is taken if the run ends already
            try:
                if self._is_settled and not self._has_ended:
                    self._announcement.keep(End("terminated", self._recorder.facts().steps.newest))
                    self._foreseen_at = self._scrapers.now()
                    self._needs_attention = True
            finally:
                self._lock.release()

    def _abandon(self) -> None:
        """Let go of the endpoint in a forked process, where the run is not this one's: nothing is recorded here."""
        self._lock = threading.RLock()  # another thread of the parent may hold the old one
        self.idle(
            f"belongs to process {os.getppid()}, which forked this one: nothing is recorded here. Make the exporter "
            "in the function that trains"
        )
        if self._server:
            self._server.abandon()
            self._server = None
        self._push = None  # its thread is in the other process

    def _replace(self) -> None:
        """Let go of everything, without an end: another exporter of this process continues the run."""
        self.idle("has another exporter in this process by now: nothing is recorded by this one")
        _logger.info("run %r: a new exporter replaces this one", self._settings.run)
        if self._gpus:
            self._gpus.stop()
        if self._push:
            self._push.stop()
        self._let_go(keeps_end=False)

    def _idle_below(self, above: ExportedRun) -> None:
        self.idle(f"is exported by process {above.pid}, which started this one: nothing is recorded here")
        ancestors.warn_child(above, "it exports nothing")

    def _list(self, number: int | None) -> None:
        exported = ExportedRun(os.getpid(), self._settings.run, number)
        if self._exported:
            ancestors.unlist_run(self._exported)
        self._exported = exported
        ancestors.list_run(exported)

    def _let_go(self, *, keeps_end: bool) -> None:
        """Stop serving. An end that no scrape has read stays among the targets if *keeps_end*."""
        try:
            # Off the targets while the endpoint still answers: no scrape finds it closed.
            self._announcement.withdraw(keeps_end=keeps_end)
            if self._server:
                self._server.close()
                self._server = None
        finally:
            if self._exported:
                ancestors.unlist_run(self._exported)
            life_cycle.unwatch(self._in_process)
