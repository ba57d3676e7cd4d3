"""An OTLP receiver that keeps what it gets."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from vae_exporter._serve.http import reply, serve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric


@dataclass
class OtlpReceiver:
    """A receiver at *url*, with the *metrics* of the newest push. It answers with *status*."""

    status: str
    url: str = ""
    metrics: dict[str, Metric] = field(default_factory=dict)

    @property
    def states(self) -> list[str]:
        """The states of the run that were 1 in the newest push."""
        points = self.metrics["vae_run_state"].gauge.data_points if self.metrics else ()
        return [
            attribute.value.string_value
            for point in points
            if point.as_double == 1
            for attribute in point.attributes
            if attribute.key == "state"
        ]

    def take(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        (resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
        (scope,) = resource.scope_metrics
        self.metrics = {metric.name: metric for metric in scope.metrics}
        return reply(start_response, self.status, "application/x-protobuf", "")


@contextmanager
def otlp_receiver(status: str = "200 OK") -> Iterator[OtlpReceiver]:
    """Run a receiver that answers each push with *status*."""
    receiver = OtlpReceiver(status)
    server = serve(receiver.take, host="127.0.0.1", port=0)
    receiver.url = f"{server.url}/v1/metrics"
    try:
        yield receiver
    finally:
        server.close()
