"""Dashboards for a store that several clusters share. Each dashboard shows one cluster, selected by a variable."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vae_rules.identity import Identity

_OF_RUNS = ('run=~"$run"', 'run=~"$before"', 'run!=""')
_RUN_IN_LINK = "var-run="


def of_clusters(dashboard: dict[str, Any], identity: Identity) -> dict[str, Any]:
    """Adapt *dashboard*, in which ``run`` alone identifies a run, to *identity*.

    Each other label of the identity becomes a single-value variable, a matcher in every query, a label in every
    aggregation, and a parameter of every link.
    """
    others = identity.labels[:-1]
    if not others:
        return dashboard
    changed: dict[str, Any] = _changed(deepcopy(dashboard), identity, others)
    variables = changed["templating"]["list"]
    place = next((at for at, one in enumerate(variables) if one["type"] != "datasource"), len(variables))
    variables[place:place] = [_variable(label) for label in others]
    return changed


def _changed(part: Any, identity: Identity, others: tuple[str, ...]) -> Any:  # noqa: ANN401 - any part of JSON
    if isinstance(part, dict):
        return {name: _changed(value, identity, others) for name, value in part.items()}
    if isinstance(part, list):
        return [_changed(value, identity, others) for value in part]
    return _text(part, identity, others) if isinstance(part, str) else part


def _text(text: str, identity: Identity, others: tuple[str, ...]) -> str:
    matchers = "".join(f'{label}="${label}",' for label in others)
    for of_runs in _OF_RUNS:
        text = text.replace(of_runs, f"{matchers}{of_runs}")
    text = text.replace("label_values(vae_run_info,", f"label_values(vae_run_info{{{matchers.rstrip(',')}}},")
    text = text.replace(_RUN_IN_LINK, "".join(f"var-{label}=${{{label}}}&" for label in others) + _RUN_IN_LINK)
    return identity.of_promql(text)


def _variable(label: str) -> dict[str, Any]:
    return {
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "label": label.replace("_", " ").capitalize(),
        "multi": False,
        "name": label,
        "query": {"qryType": 1, "query": f"label_values(vae_run_info, {label})", "refId": "variable"},
        "refresh": 2,
        "sort": 5,
        "type": "query",
    }
