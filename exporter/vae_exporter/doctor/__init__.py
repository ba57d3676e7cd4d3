"""Checks of a real machine, for ``vae-exporter doctor``. Each check is in its own file and yields findings."""
