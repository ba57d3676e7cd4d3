"""Run the command line as ``python -m vae_exporter.cli``."""

from vae_exporter.cli import app

app()
