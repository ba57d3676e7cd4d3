"""Pushes the metrics of a run by OTLP, for sites where Prometheus cannot scrape the training."""

from __future__ import annotations

import math
import os
import threading
from typing import TYPE_CHECKING

from vae_exporter.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

    from vae_exporter._process.failures import Failures

PUSH_SECONDS = 15.0
"""The default time between two pushes, as between two scrapes."""

_INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL"
"""The standard variable for the time between two pushes, in milliseconds."""

_FINISH_SECONDS = 15.0
"""The longest wait for a push that is under way when the run ends."""


class Push:
    """Pushes a registry every *interval* seconds, and once more at the end. Failures are counted, and logged once."""

    def __init__(self, send: Callable[[CollectorRegistry], object], failures: Failures, interval: float) -> None:
        self._send = send
        self._failures = failures
        self._interval = interval
        self._registry: CollectorRegistry | None = None
        self._thread: threading.Thread | None = None
        self._is_stopped = threading.Event()

    def start(self, registry: CollectorRegistry) -> None:
        """Push *registry* from now on, in a thread of its own."""
        self._registry = registry
        if self._thread is None:
            self._thread = threading.Thread(target=self._repeat, name="vae-exporter-push", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Push no more."""
        self._is_stopped.set()

    def finish(self) -> bool:
        """Push the end of the run, stop, and return whether the end has arrived."""
        self.stop()
        if self._thread is None:
            return False
        self._thread.join(_FINISH_SECONDS)
        return not self._thread.is_alive() and self._push()

    def _repeat(self) -> None:
        self._push()
        while not self._is_stopped.wait(self._interval):
            self._push()

    def _push(self) -> bool:
        """Push once, and return whether that succeeded."""
        if self._registry is None:
            return False
        try:
            self._send(self._registry)
        except Exception as error:  # noqa: BLE001 - of the network, the SDK or a collector; the training continues
            self._failures.caught("push", "the push of the metrics", error)
            return False
        return True


def otlp_push(endpoint: object, failures: Failures) -> Push | None:
    """Return what pushes to the OTLP receiver at the URL *endpoint*, or None without one.

    Raises:
        SettingsError: *endpoint* is no URL, the interval in the environment is no number of milliseconds, or the extra
            ``otlp`` is not installed.
    """
    if endpoint is None:
        return None
    if not isinstance(endpoint, str) or not endpoint.startswith(("http://", "https://")):
        raise SettingsError(
            "otlp_endpoint must be the URL of an OTLP receiver for metrics, such as "
            f"http://prometheus:9090/api/v1/otlp/v1/metrics, got {endpoint!r:.80}"
        )
    try:
        from vae_exporter._serve.otlp import OtlpSender  # noqa: PLC0415 - only the extra [otlp] installs the SDK
    except ImportError as error:
        raise SettingsError("otlp_endpoint needs the OpenTelemetry SDK: pip install 'vae-exporter[otlp]'") from error
    return Push(OtlpSender(endpoint), failures, _interval_seconds())


def _interval_seconds() -> float:
    text = os.environ.get(_INTERVAL, "")
    try:
        seconds = float(text) / 1000 if text else PUSH_SECONDS
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise SettingsError(f"{_INTERVAL} must be a number of milliseconds, such as 15000, got {text!r:.80}")
    return seconds
