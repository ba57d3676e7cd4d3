"""The links of an alert: its runbook and its dashboard."""

from __future__ import annotations

HOME = "https://github.com/vae-exporter/vae-exporter"

RULES_PAGE = "{{ $externalURL }}/rules"


def runbook(alert: str) -> str:
    """Return the address of the runbook of *alert*."""
    return f"{HOME}/blob/main/docs/runbooks/{alert}.md"


def run_dashboard(promql: str) -> str:
    """Return the address of the run's dashboard in Grafana or, without Grafana, of a graph of *promql*."""
    return _dashboard("vae-run?<variables>", promql)


def gpu_dashboard(promql: str) -> str:
    """Return the address of the GPU's dashboard in Grafana or, without Grafana, of a graph of *promql*."""
    return _dashboard("gpu-memory?var-gpu={{ $labels.gpu | urlquery }}", promql)


def graph(promql: str) -> str:
    """Return the address of a graph of *promql* in Prometheus."""
    return f"{{{{ $externalURL }}}}/graph?g0.expr=<graph {promql} graph>&g0.tab=0&g0.range_input=1h"


def _dashboard(board: str, promql: str) -> str:
    in_grafana = f"{{{{ with $externalLabels.grafana_url }}}}{{{{ . }}}}/d/{board}"
    return f"{in_grafana}{{{{ else }}}}{graph(promql)}{{{{ end }}}}"
