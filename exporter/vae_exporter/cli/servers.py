"""The options that name the servers, shared by the commands that query them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

PrometheusUrl: TypeAlias = Annotated[str, typer.Option("--prometheus", help="URL of Prometheus.")]
AlertmanagerUrl: TypeAlias = Annotated[str, typer.Option("--alertmanager", help="URL of Alertmanager.")]

PROMETHEUS = "http://127.0.0.1:9090"
ALERTMANAGER = "http://127.0.0.1:9093"
