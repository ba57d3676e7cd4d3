"""The server behind `vae-exporter pager`, which prints each notification."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from vae_exporter._serve.http import serve
from vae_exporter.errors import StackError
from vae_exporter.pager.sink import PagerSink
from vae_exporter.pager.terminal import render
from vae_exporter.pager.web import pager_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console


@contextmanager
def receive(console: Console, *, host: str, port: int, store: Path | None) -> Iterator[None]:
    """Listen on *host*:*port*, print each notification on *console*, and append it to *store* as a line of JSON.

    Raises:
        StackError: The address cannot be listened on, or *store* cannot be written.
    """
    if store is not None:
        try:
            if store.exists() and not store.is_file():
                raise StackError(f"cannot write to {store}: it must be a regular file; choose another file")
            store.open("ab+").close()
        except OSError as error:
            raise StackError(f"cannot write to {store}: {error.strerror or error}; choose another file") from error
    sink = PagerSink(store=store, on_notification=lambda notification: console.print(render(notification)))
    try:
        server = serve(pager_app(sink, host=host), host=host, port=port)
    except OSError as error:
        raise StackError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --host or --port"
        ) from error
    console.print(f"The pager is listening on {server.url}. Press Ctrl-C to stop.")
    try:
        yield
    finally:
        server.close()
