"""The rules, their unit tests, their runbooks and the metrics that they read: each fits the others, both ways."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from children import finished
from prometheus_client.parser import text_string_to_metric_families
from shipped_rules import ALERTS, RECORDED, ROOT, RULE_FILES, RULE_TESTS, RULES, UNIT_TESTS

from vae_exporter.stack.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
JUDGING = ROOT / "docs" / "judging.md"

QUERIES = [
    pytest.param(query, id=f"{page.stem}-{number}")
    for page in [*RUNBOOKS, JUDGING]
    for number, query in enumerate(re.findall(r"```promql\n(.*?)```", page.read_text(), re.DOTALL), 1)
]

of_each_alert = pytest.mark.parametrize("name", ALERTS)


def promtool(*arguments: str | Path) -> None:
    """Run promtool, and fail with its own words where it fails."""
    done = finished([find_program("promtool"), *arguments], seconds=240)
    assert done.returncode == 0, done.stdout + done.stderr


def series_in(text: str) -> set[str]:
    """Return the names of this project's series, published or recorded, that *text* names."""
    return set(re.findall(r"\b(?:\w+:)?vae_\w+(?::\w+)?", text))


def texts(value: object) -> Iterator[str]:
    """Yield every text in *value*, which is a rule."""
    if isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    else:
        yield str(value)


def published() -> set[str]:
    """Return the names of the metrics that the exporter publishes, and of their samples."""
    golden = (ROOT / "tests" / "data" / "metrics.txt").read_text()
    families = list(text_string_to_metric_families(golden))
    return {family.name for family in families} | {sample.name for family in families for sample in family.samples}


def outcomes(alert: str) -> Iterator[list[bool]]:
    """Yield, for each unit test that is about *alert*, whether it is expected to fire, time after time."""
    for test in UNIT_TESTS:
        cases: list[dict[str, Any]] = test.get("alert_rule_test", [])
        yield [bool(case["exp_alerts"]) for case in cases if case["alertname"] == alert]


def test_promtool_finds_nothing_to_complain_about() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)


@pytest.mark.parametrize("file", RULE_TESTS, ids=lambda file: file.stem)
def test_the_rules_decide_as_their_unit_tests_expect(file: Path) -> None:
    promtool("test", "rules", file)


@of_each_alert
def test_each_alert_has_a_unit_test_in_which_it_is_silent_and_then_fires(name: str) -> None:
    assert any((False, True) in pairwise(expected) for expected in outcomes(name))


@of_each_alert
def test_each_alert_has_a_severity_that_is_routed(name: str) -> None:
    assert ALERTS[name]["labels"]["severity"] in {"page", "ticket", "none"}


@of_each_alert
def test_each_alert_tells_what_happened_and_where_to_look(name: str) -> None:
    annotations = ALERTS[name]["annotations"]
    assert {"summary", "description", "runbook_url", "dashboard_url"} <= annotations.keys()
    assert all(annotations.values())


@of_each_alert
def test_each_label_enters_a_query_as_a_quoted_string(name: str) -> None:
    """A run's name may hold quotes and braces: %q writes it as PromQL does."""
    formats = [text for text in texts(ALERTS[name]) for text in re.findall(r'printf "((?:[^"\\]|\\.)*)"', text)]
    values = {value for text in formats for value in re.findall(r"\b(?:run|rank|gpu|job|instance)=([^,}]+)", text)}
    assert values <= {"%q", "%[1]q", "%[2]q"}


@of_each_alert
def test_each_runbook_url_follows_from_the_homepage_and_the_name(name: str) -> None:
    homepage = re.search(r'^Homepage = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert homepage
    assert ALERTS[name]["annotations"]["runbook_url"] == f"{homepage[1]}/blob/main/docs/runbooks/{name}.md"


def test_each_link_to_grafana_names_a_dashboard_and_a_variable_of_it() -> None:
    dashboards = {file.stem: json.loads(file.read_text()) for file in (ROOT / "grafana" / "dashboards").glob("*.json")}
    variables = {(uid, one["name"]) for uid, board in dashboards.items() for one in board["templating"]["list"]}
    linked = {
        (uid, variable)
        for rule in ALERTS.values()
        for uid, variable in re.findall(r"/d/([\w-]+)\?var-(\w+)=", rule["annotations"]["dashboard_url"])
    }
    assert {uid for uid, _ in linked} == {"vae-run", "gpu-memory"}
    assert linked <= variables


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    assert [page.stem for page in RUNBOOKS] == sorted(ALERTS)


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_each_runbook_has_the_same_parts(page: Path) -> None:
    parts = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    assert parts == [page.stem, "What happened", "In the first minutes", "Find the cause", "Resume"]


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_each_runbook_starts_with_the_severity_of_its_alert(page: Path) -> None:
    severity = ALERTS[page.stem]["labels"]["severity"]
    assert page.read_text().startswith(f"# {page.stem}\n\n**Severity:** {severity}. **")


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_each_runbook_has_a_table_of_causes(page: Path) -> None:
    cause = page.read_text().split("\n## Find the cause\n")[1].split("\n## ")[0]
    assert "\n| cause | what you see | what to do |\n| --- | --- | --- |\n| " in cause


def test_each_alert_stands_on_the_page_about_judging() -> None:
    linked = re.findall(r"^\| \[(\w+)\]\(runbooks/(\w+)\.md\)", JUDGING.read_text(), re.MULTILINE)
    assert sorted(linked) == [(name, name) for name in sorted(ALERTS)]


def test_the_rules_read_only_series_that_exist() -> None:
    read = {name for rule in RULES for text in texts(rule) for name in series_in(text)}
    assert read - RECORDED <= published()


def test_no_alert_takes_what_was_recorded_for_what_is_now() -> None:
    # vmalert reads what it recorded one evaluation late, so that a time of now is always before `time()`.
    late = re.compile(r":timestamp_seconds\s*<=?\s*time\(\)(?! *-)")
    assert not [rule["alert"] for rule in RULES if "alert" in rule and late.search(rule["expr"])]


def test_the_page_about_judging_lists_each_recorded_series_and_no_other() -> None:
    listed = re.findall(r"^\| `(\w+:\w+(?::\w+)?)` \|", JUDGING.read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(RECORDED)


def test_the_page_about_gpus_lists_the_fatal_xid_errors_of_the_rules_and_no_other() -> None:
    listed = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "gpu.md").read_text(), re.MULTILINE)
    (rule,) = (rule for rule in RULES if rule.get("record") == "run_gpu:vae_gpu_fatal_xid_errors:max")
    assert set(re.findall(r'xid=~"([\d|]+)"', rule["expr"])) == {"|".join(listed)}


@pytest.mark.parametrize("query", QUERIES)
def test_each_query_to_paste_is_valid_and_names_only_series_that_exist(query: str, tmp_path: Path) -> None:
    assert series_in(query) - RECORDED <= published()

    of_nothing = {"promql_expr_test": [{"expr": query, "eval_time": "0s", "exp_samples": []}]}
    file = tmp_path / "query.yml"
    file.write_text(yaml.safe_dump({"tests": [of_nothing]}))
    promtool("test", "rules", file)
