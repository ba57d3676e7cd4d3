"""Where the panels are on a dashboard, and in which order."""

from __future__ import annotations

from itertools import combinations

from dashboard_files import DASHBOARDS, of_each_board, panels, repeated


@of_each_board
def test_no_two_panels_share_an_id(board: str) -> None:
    ids = [panel["id"] for panel in DASHBOARDS[board]["panels"]]
    assert len(set(ids)) == len(ids)


@of_each_board
def test_panels_are_within_the_grid_and_do_not_overlap(board: str) -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in DASHBOARDS[board]["panels"]]
    assert [title for title, at in places if at["x"] + at["w"] > 24] == []
    overlapping = [
        (first, second)
        for (first, a), (second, b) in combinations(places, 2)
        if a["x"] < b["x"] + b["w"]
        and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"]
        and b["y"] < a["y"] + a["h"]
    ]
    assert overlapping == []


@of_each_board
def test_each_row_of_panels_fills_the_width(board: str) -> None:
    lines: dict[int, int] = {}
    for panel in DASHBOARDS[board]["panels"]:
        at = panel["gridPos"]
        lines[at["y"]] = lines.get(at["y"], 0) + at["w"]
    assert set(lines.values()) == {24}


@of_each_board
def test_no_two_panels_of_a_dashboard_share_a_title(board: str) -> None:
    titles = [panel["title"] for panel in panels(board)]
    assert sorted(set(titles)) == sorted(titles)


def test_no_legend_of_the_run_dashboard_names_the_run() -> None:
    """The heading of each row does, which Grafana repeats for each run."""
    legends = [target.get("legendFormat", "") for panel in panels("vae-run") for target in panel["targets"]]
    assert [legend for legend in legends if "run" in legend] == []
    headings = [
        (panel["repeat"], "$run" in panel["title"])
        for panel in DASHBOARDS["vae-run"]["panels"]
        if panel["type"] == "row"
    ]
    assert set(headings) == {("run", True)}
    assert set(repeated("vae-run")) == {panel["title"] for panel in panels("vae-run")}


def test_the_run_dashboard_repeats_its_top_row_for_each_run() -> None:
    first = DASHBOARDS["vae-run"]["panels"][0]
    assert (first["type"], first["repeat"], first["title"]) == ("row", "run", "Run $run")


def test_what_is_needed_at_night_comes_first() -> None:
    """On a phone, the panels come one under another, in this order."""
    places = {panel["title"]: (panel["gridPos"]["y"], panel["gridPos"]["x"]) for panel in panels("vae-run")}
    assert sorted(places, key=places.__getitem__)[:6] == [
        "Verdict",
        "Reason and what to do",
        "NLL over its bands",
        "Since last step",
        "Firing now",
        "Outputs",
    ]
