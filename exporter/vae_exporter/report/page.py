"""The page of a report: one HTML file that needs no network, in the reader's own dark or light."""

from __future__ import annotations

import html
from importlib.resources import files
from typing import TYPE_CHECKING

from vae_exporter.advice import ALERTS, SYMBOLS, advice
from vae_exporter.report.figures import contributions_figure, logarithmic_from, memory_figure, nll_figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vae_exporter.report.contents import Alert, Report

# No script, and nothing from elsewhere: names and texts on this page come over the network.
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
<h1>Run <b>{run}</b></h1>
{verdict}
{parts}
<p class="small">{footer}</p>
</html>
"""


def render(report: Report) -> str:
    """Return the page's HTML."""
    title = f"{_title(report)}: {report.run}"
    return _PAGE.format(
        title=html.escape(title),
        style=files("vae_exporter.report").joinpath("style.css").read_text(),
        run=html.escape(report.run),
        verdict=_verdict(report),
        parts="\n".join(_parts(report)),
        footer=html.escape(f"Made by vae-exporter{f' from {report.source}' if report.source else ''}."),
    )


def _verdict(report: Report) -> str:
    tone = report.verdict if report.verdict in SYMBOLS else "unknown"
    symbol = SYMBOLS.get(tone, "?")
    reason = "" if report.reason in (None, report.verdict) else html.escape(str(report.reason))
    return (
        f'<section class="verdict" style="--tone: var(--{tone})">\n'
        f'<strong>{symbol} {_title(report)}</strong><span class="reason">{reason}</span>\n'
        f'<p class="todo">{html.escape(_todo(report))}</p>\n'
        f"<dl>{''.join(_facts(report))}</dl>\n"
        "</section>"
    )


def _title(report: Report) -> str:
    return report.verdict.capitalize() if report.verdict in SYMBOLS else "Not judged"


def _todo(report: Report) -> str:
    """Return what to do. A page about the process or its GPU is no verdict on the loss, but comes first."""
    pages = [alert.name for alert in report.alerts if alert.severity == "page" and alert.end_step is None]
    if report.verdict == "stop" or not pages:
        return advice(report.reason)
    return f"{pages[0]}: {advice(pages[0])}"


def _facts(report: Report) -> Iterator[str]:
    if report.nll:
        yield _fact("NLL, mean of the last 100 steps", f"{report.nll.values[-1]:.3g}")
        yield _fact("Step", f"{report.nll.steps[-1]:.0f}")
    if report.state:
        yield _fact("The process", report.state)
    firing = [alert for alert in report.alerts if alert.end_step is None]
    yield _fact("Alerts", f"{len(firing)} firing, {len(report.alerts) - len(firing)} over")
    if _is_web(report.outputs_url):
        yield f"<div><dt>Outputs</dt><dd>{_link(report.outputs_url, 'look at them')}</dd></div>"


def _parts(report: Report) -> Iterator[str]:
    yield "<h2>The NLL over its bands</h2>"
    if report.nll or report.nll_noise:
        words = "Thick: the mean of the last 100 steps, which is judged. Thin: of the last 10. Dark green: golden."
        if linear := logarithmic_from(report):
            words += f" Above {linear:.2g}, the dotted line, the scale is logarithmic."
        yield f'<p class="small">{words}</p>'
        yield _figure(nll_figure(report), "The NLL by step, over the bands by which it is judged")
    else:
        yield _none("Nothing yet: the NLL is judged once the first 100 steps are trained.")
    yield "<h2>Alerts</h2>"
    if report.alerts:
        yield f"<ol>{''.join(_alert(number, alert) for number, alert in enumerate(report.alerts, 1))}</ol>"
    else:
        yield _none("None has fired.")
    yield "<h2>What the NLL is made of</h2>"
    if any(report.contributions.values()):
        yield '<p class="small">Weight times the mean of the last 100 steps, on top of each other.</p>'
        yield _figure(contributions_figure(report), "The weighted parts of the NLL by step")
    else:
        yield _none("Nothing: give TrainingExporter loss_weights (judge: --weights), and observe rec and perception.")
    for memory in report.gpu_memory:
        yield f"<h2>Memory of {html.escape(memory.gpu)}</h2>"
        yield _figure(memory_figure(memory, report), "GPU memory by step, below the whole card")


def _alert(number: int, alert: Alert) -> str:
    where = "" if alert.step is None else f"from step {alert.step:.0f}"
    until = "still firing" if alert.end_step is None else f"until step {alert.end_step:.0f}"
    summary = alert.summary or ALERTS.get(alert.name, "")
    link = _link(alert.runbook_url, "Runbook") if _is_web(alert.runbook_url) else ""
    more = " ".join(filter(None, [html.escape(alert.description), link]))
    return (
        f"<li><b>{number}</b><div>\n"
        f'<strong>{html.escape(alert.name)}</strong> <span class="small">{html.escape(alert.severity)}, '
        f"{', '.join(filter(None, [where, until]))}</span>\n"
        f"<p>{html.escape(summary)}</p>\n" + (f'<p class="small">{more}</p>\n' if more else "") + "</div></li>\n"
    )


def _figure(svg: str, label: str) -> str:
    return f'<figure role="img" aria-label="{html.escape(label)}">{svg}</figure>'


def _fact(name: str, value: str) -> str:
    return f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>"


def _none(text: str) -> str:
    return f'<p class="none">{html.escape(text)}</p>'


def _link(url: str, text: str) -> str:
    return f'<a href="{html.escape(url)}" rel="noopener noreferrer">{html.escape(text)}</a>'


def _is_web(url: str) -> bool:
    return url.startswith(("http://", "https://"))  # javascript: would run here
