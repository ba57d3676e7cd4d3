"""What a run serves over HTTP: /metrics, /healthz and a page for people."""

from __future__ import annotations

import errno
import html
import logging
import math
from typing import TYPE_CHECKING

from prometheus_client import make_wsgi_app

from vae_exporter._process.targets import MAX_PORT
from vae_exporter._serve.http import HttpServer, reply, serve
from vae_exporter._serve.registry import run_registry
from vae_exporter.errors import EndpointError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from ssl import SSLContext
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from vae_exporter._gpu.facts import GpuFacts
    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.recorder import Recorder
    from vae_exporter._serve.scrapers import Scrapers

PORTS_TRIED = 16
"""Where a port is taken, the next ones are tried: eight ranks on a node, twice."""

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<title>{run} - VAE exporter</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 2rem; max-width: 40rem }}
td {{ padding-right: 2rem }}
</style>
<h1>{run}</h1>
<table>{rows}</table>
<p><a href="/metrics">/metrics</a> for Prometheus &middot; <a href="/healthz">/healthz</a></p>
</html>
"""

_logger = logging.getLogger("vae_exporter")


class _Answer(list[bytes]):
    """An HTTP body that tells when all of it has been sent: the server then asks for more."""

    def __init__(self, body: Iterable[bytes], sent: Callable[[], None]) -> None:
        super().__init__(body)
        self._sent = sent

    def __iter__(self) -> Iterator[bytes]:
        yield from super().__iter__()
        self._sent()


def endpoint_app(
    settings: RunSettings, recorder: Recorder, scrapers: Scrapers, gpu_facts: Callable[[], GpuFacts] | None = None
) -> WSGIApplication:
    """Return the WSGI application of one run. *gpu_facts*: see `run_registry`."""
    # Compression would cost the training process a tenth of a scrape, and a network does not need it.
    metrics: WSGIApplication = make_wsgi_app(run_registry(settings, recorder, gpu_facts), disable_compression=True)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            if "text/plain" in environ.get("HTTP_ACCEPT", ""):
                # Prometheus prefers OpenMetrics, which says the same and takes the training process longer to write.
                environ["HTTP_ACCEPT"] = "text/plain"
            timeout = scrape_timeout(environ)
            if timeout is None:
                return metrics(environ, start_response)
            began = scrapers.came(timeout)
            return _Answer(metrics(environ, start_response), lambda: scrapers.served(began))
        if path == "/healthz":
            return reply(start_response, "200 OK", "text/plain; charset=utf-8", "ok\n")
        if path == "/":
            return reply(start_response, "200 OK", "text/html; charset=utf-8", _page(settings, recorder))
        message = "not here: see / for what there is\n"
        return reply(start_response, "404 Not Found", "text/plain; charset=utf-8", message)

    return app


def unsettled_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer while the rank is not settled: a scrape must not see a rank that this process is not."""
    body = "the rank is not settled yet\n" if environ["PATH_INFO"] == "/" else ""
    return reply(start_response, "200 OK", "text/plain; version=0.0.4; charset=utf-8", body)


def scrape_timeout(environ: WSGIEnvironment) -> float | None:
    """Return after how many seconds the scraper gives up. None if the request is not a scrape, but a person's.

    Prometheus, vmagent and Alloy send this header with each scrape.
    """
    try:
        timeout = float(environ.get("HTTP_X_PROMETHEUS_SCRAPE_TIMEOUT_SECONDS", ""))
    except ValueError:
        return None
    return timeout if 0 < timeout < math.inf else None


def listen(  # noqa: PLR0913 - as `serve`
    app: WSGIApplication,
    *,
    host: str,
    port: int,
    is_announced: bool,
    on_poll: Callable[[], object] | None = None,
    tls: SSLContext | None = None,
) -> HttpServer:
    """Serve *app* on *host*, on *port* or, if it is taken, on the next free one of `PORTS_TRIED`. Port 0: any.

    *is_announced*: a target file will name the port, so if all of these are taken, any free port will do.

    Raises:
        EndpointError: If no port is free, or *host* is not an address of this machine.
    """
    last = min(port + PORTS_TRIED - 1, MAX_PORT) if port else 0
    candidates = [*range(port, last + 1), *([0] if is_announced and port else [])]
    for candidate in candidates:
        try:
            server = serve(app, host=host, port=candidate, on_poll=on_poll, tls=tls)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            raise EndpointError(f"cannot listen on {host}:{candidate}: {error}; give another host= or port=") from error
        if candidate != port:
            _logger.warning("port %d is taken: serving on %s/metrics", port, server.url)
        return server
    raise EndpointError(f"the ports {port} to {last} of {host} are all taken: give targets_dir=, or another port=")


def _page(settings: RunSettings, recorder: Recorder) -> str:
    facts = recorder.facts()
    step = facts.steps.newest
    rows = {"rank": settings.rank, "state": facts.state, "step": "none yet" if step is None else step}
    rows |= {component: f"{loss.last:.6g}" for component, loss in facts.losses.items() if loss.last is not None}
    cells = (f"<tr><td>{html.escape(name)}<td>{html.escape(str(value))}" for name, value in rows.items())
    return _PAGE.format(run=html.escape(settings.run), rows="".join(cells))
