"""Dashboards for a store that several clusters share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from dashboard_files import DASHBOARDS

from vae_dashboards.clusters import of_clusters
from vae_rules.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator

CLUSTERS = Identity.parse("cluster,run")


def expressions(part: object) -> Iterator[str]:
    """Yield the query of every panel and annotation in *part*, a JSON value."""
    if isinstance(part, dict):
        if isinstance(part.get("expr"), str):
            yield part["expr"]
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from expressions(one)


@pytest.mark.parametrize("board", DASHBOARDS)
def test_the_default_identity_changes_nothing(board: str) -> None:
    assert of_clusters(DASHBOARDS[board], Identity()) == DASHBOARDS[board]


@pytest.mark.parametrize("board", DASHBOARDS)
def test_the_cluster_is_selected_before_the_run(board: str) -> None:
    names = [one["name"] for one in of_clusters(DASHBOARDS[board], CLUSTERS)["templating"]["list"]]
    assert names[:2] == ["datasource", "cluster"]
    runs = [one for one in of_clusters(DASHBOARDS[board], CLUSTERS)["templating"]["list"] if one["name"] == "run"]
    assert [one["query"]["query"] for one in runs] == ['label_values(vae_run_info{cluster="$cluster"}, run)'] * len(
        runs
    )


@pytest.mark.parametrize("board", DASHBOARDS)
def test_every_query_selects_the_cluster(board: str) -> None:
    changed = of_clusters(DASHBOARDS[board], CLUSTERS)
    of_runs = [expr for expr in expressions(changed) if "run=" in expr or "run!=" in expr]
    assert of_runs
    for expr in of_runs:
        assert len(re.findall(r'\brun(=|!=|=~)"', expr)) == expr.count('cluster="$cluster"')
        assert not re.search(r"\b(by|on) \(run", expr)
