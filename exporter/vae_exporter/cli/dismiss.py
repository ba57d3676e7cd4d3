"""``vae-exporter dismiss``."""

from __future__ import annotations

from typing import Annotated

import typer

from vae_exporter.cli.servers import ALERTMANAGER, AlertmanagerUrl
from vae_exporter.cli.terminal import fail
from vae_exporter.errors import VaeExporterError


def dismiss(
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    *,
    alert: Annotated[str | None, typer.Option(help="Silence only this alert, for example VaeGpuFailing.")] = None,
    why: Annotated[str, typer.Option(help="The comment of the silence.")] = "",
    alertmanager: AlertmanagerUrl = ALERTMANAGER,
) -> None:
    """Silence the alerts that a dead run left, until they resolve."""
    from vae_exporter.runs import dismissal  # noqa: PLC0415 - see terminal.needs_extra
    from vae_exporter.stack.client import Alertmanager  # noqa: PLC0415

    try:
        done = dismissal.dismiss(Alertmanager(alertmanager), run, alert=alert, why=why)
    except VaeExporterError as error:
        fail(str(error))
    covered = "" if alert else "all alerts of "
    typer.echo(f"Silenced {covered}{alert + ' of ' if alert else ''}run {run} until {done.end:%Y-%m-%d %H:%M} UTC.")
    typer.echo(f"Firing now: {', '.join(done.alerts)}.")
    typer.echo(
        "If the run has an open incident in PagerDuty, resolve it there: the silence also suppresses the notification "
        "that it is resolved."
    )
    typer.echo(
        f"A new run with this name is silenced too. To end the silence: "
        f"amtool silence expire --alertmanager.url={alertmanager} {done.silence}"
    )
