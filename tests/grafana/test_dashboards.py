"""What Grafana needs of a dashboard, and that the committed files are up to date."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from children import finished
from dashboard_files import (
    DASHBOARDS,
    FOLDER,
    ROOT,
    PanelQuery,
    annotation_queries,
    everything,
    of_each_board,
    panel_queries,
    panels,
)
from shipped_rules import ALERTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def own_links() -> Iterator[tuple[str, str]]:
    for board, dashboard in DASHBOARDS.items():
        for key, value in everything(dashboard):
            if key == "url" and isinstance(value, str) and value.startswith("/"):
                yield board, value


@pytest.mark.skipif(sys.version_info < (3, 11), reason="grafana-foundation-sdk needs Python 3.11")
def test_the_committed_files_are_up_to_date(tmp_path: Path) -> None:
    """If this fails, run `make dashboards` and review the diff."""
    (tmp_path / "left-over.json").write_text("{}")
    command = [sys.executable, "-m", "vae_dashboards", str(tmp_path)]
    done = finished(
        command, env={"PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("grafana", "prometheus"))}
    )
    assert done.returncode == 0, done.stderr
    made = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert made == {file.name: file.read_text() for file in FOLDER.iterdir()}


def test_these_dashboards_exist() -> None:
    assert {uid: dashboard["uid"] for uid, dashboard in DASHBOARDS.items()} == {
        uid: uid for uid in ("gpu-memory", "vae-comparison", "vae-fleet", "vae-run")
    }


@of_each_board
def test_no_datasource_is_hard_coded(board: str) -> None:
    used = [value for key, value in everything(DASHBOARDS[board]) if key == "datasource"]
    assert used
    assert [value for value in used if value != {"type": "prometheus", "uid": "${datasource}"}] == []
    variable = DASHBOARDS[board]["templating"]["list"][0]
    assert (variable["name"], variable["type"], variable["query"]) == ("datasource", "datasource", "prometheus")


@of_each_board
def test_variables_follow_the_selected_time_range(board: str) -> None:
    queried = [variable for variable in DASHBOARDS[board]["templating"]["list"] if variable["type"] == "query"]
    assert [variable["name"] for variable in queried if variable["refresh"] != 2] == []


@of_each_board
def test_a_dashboard_is_not_editable_in_the_browser(board: str) -> None:
    assert DASHBOARDS[board]["editable"] is False


@pytest.mark.parametrize("query", [*panel_queries(), *annotation_queries()], ids=str)
def test_a_query_selects_runs_and_uses_grafanas_intervals(query: PanelQuery) -> None:
    """Each selector matches the selected runs or any run. Each rate uses one of Grafana's interval variables."""
    selectors = re.findall(r"(?<![\w\"])((?:\w+:)?vae_[\w:]+|ALERTS)(\{[^}]*\})?", query.expr)
    assert selectors
    assert [name for name, labels in selectors if "run" not in labels] == []
    assert re.findall(r"(?:rate|increase)\([^\[]*\[(?!\$__(?:rate_interval|range)\])", query.expr) == []


@pytest.mark.parametrize("query", list(panel_queries()), ids=str)
def test_a_query_asks_for_the_growth_of_a_counter(query: PanelQuery) -> None:
    """Except for ECC errors, which the GPU counts and which outlive the process: their level matters."""
    bare = re.sub(r"(?:rate|increase)\([^\]]*\]\)", "", query.expr)
    assert set(re.findall(r"\bvae_\w+_total\b", bare)) <= {"vae_gpu_ecc_errors_total"}


@pytest.mark.parametrize(("board", "url"), list(own_links()))
def test_a_link_targets_an_existing_dashboard_and_its_variables(board: str, url: str) -> None:
    del board
    parts = urlsplit(url)
    target = DASHBOARDS[parts.path.removeprefix("/d/")]
    known = {f"var-{variable['name']}" for variable in target["templating"]["list"]}
    given = set(parse_qs(parts.query.replace("&${__url_time_range}", "")))
    assert "${__url_time_range}" in parts.query
    assert given <= known


def test_the_runbook_link_targets_the_folder_that_has_a_runbook_for_each_alert() -> None:
    urls = {
        value
        for key, value in everything(DASHBOARDS["vae-run"])
        if key == "url" and isinstance(value, str) and "/runbooks/" in value
    }
    homepage = re.search(r'^Homepage = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert homepage
    assert urls == {f"{homepage[1]}/blob/main/docs/runbooks/${{__value.raw}}.md"}
    assert {page.stem for page in (ROOT / "docs" / "runbooks").glob("*.md")} == ALERTS.keys()


@of_each_board
def test_each_override_matches_a_query_or_a_label(board: str) -> None:
    for panel in panels(board):
        names = {target["refId"] for target in panel["targets"]}
        for override in panel["fieldConfig"]["overrides"]:
            option = override["matcher"]["options"]
            if override["matcher"]["id"] == "byFrameRefID":
                assert option in names, panel["title"]
            elif option in {"/.*/", *(target.get("legendFormat") for target in panel["targets"])}:
                continue
            elif found := re.fullmatch(r"(?:Value|Trend) #(\w+)", option):
                assert found[1] in names, panel["title"]
            elif override["matcher"]["id"] == "byRegexp":  # of an edge, which the query names as if it were a run
                assert any(f'"{option.strip("/")}$1"' in target["expr"] for target in panel["targets"]), panel["title"]
            else:
                exprs = [target["expr"] for target in panel["targets"]]
                assert any(re.search(rf"\b{option}\b|without", expr) for expr in exprs), panel["title"]


def test_the_image_of_grafana_has_the_minor_version_of_the_sdk() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    sdk = re.search(r"grafana-foundation-sdk==\d+!(\d+\.\d+)\.", (ROOT / "pyproject.toml").read_text())
    image = re.search(r"grafana/grafana:(\d+\.\d+)\.", compose)
    assert sdk
    assert image
    assert image[1] == sdk[1]
