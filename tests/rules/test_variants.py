"""The rules in groups of at most 20, with inlined pages and the team of a run on its alerts, decide as shipped."""

from __future__ import annotations

import json
import re
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

import pytest
import yaml
from children import finished
from shipped_rules import RECORDED

from vae_exporter.stack.programs import find_program
from vae_rules.__main__ import generated
from vae_rules.alert_labels import parse_alert_labels
from vae_rules.identity import Identity
from vae_rules.inlining import PAGES, PARTS

ROOT = Path(__file__).parents[2]
UNIT_TESTS = sorted((ROOT / "tests" / "rules").glob("*.yml"))
MAX_RULES = 20


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the generated files of the variant, where a clone of the repository has them."""
    root = tmp_path_factory.mktemp("variant")
    variant = generated(ROOT, Identity(), max_rules=MAX_RULES, alert_labels=("team",), inlines_pages=True)
    for path, text in variant.items():
        file = root / path.relative_to(ROOT)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (root / "tests" / "rules").mkdir(parents=True)
    return root


def groups_of(file: Path) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = yaml.safe_load(file.read_text())["groups"]
    return groups


def names_of(file: Path) -> list[str]:
    return [rule.get("record") or rule["alert"] for group in groups_of(file) for rule in group["rules"]]


def decides(unit_test: str, file: Path) -> None:
    """Let promtool run *unit_test* as *file*, with each chain of groups in the place of the shipped group."""
    content = yaml.safe_load(unit_test)
    groups = [group["name"] for path in content["rule_files"] for group in groups_of(file.parent / path)]
    shipped = content.get("group_eval_order", [])
    groups.sort(key=lambda name: max((at for at, one in enumerate(shipped) if name.startswith(one)), default=-1))
    without_order = re.sub(r"^group_eval_order: .*\n", "", unit_test, flags=re.MULTILINE)
    file.write_text(f"group_eval_order: {json.dumps(groups)}\n{without_order}")
    done = finished([find_program("promtool"), "test", "rules", file], seconds=240)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_group_has_more_rules_and_none_is_lost(clone: Path) -> None:
    for file in (clone / "prometheus" / "rules").glob("*.yml"):
        assert max(len(group["rules"]) for group in groups_of(file)) == MAX_RULES
        names = [name for name in names_of(file) if name != "run:vae_run:labels"]
        assert names == names_of(ROOT / "prometheus" / "rules" / file.name)


def test_each_part_that_is_written_out_is_recorded() -> None:
    assert set(PARTS) <= RECORDED


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_waits_for_reads_no_recorded_part(clone: Path, page: str) -> None:
    rules = [rule for group in groups_of(clone / "prometheus" / "rules" / "training.yml") for rule in group["rules"]]
    (expression,) = [rule["expr"] for rule in rules if rule.get("record") == page]
    assert not [part for part in PARTS if re.search(rf"(?<![\w:]){part}(?![\w:])", expression)]


def test_promtool_finds_nothing_to_complain_about(clone: Path) -> None:
    files = sorted((clone / "prometheus" / "rules").glob("*.yml"))
    done = finished([find_program("promtool"), "check", "rules", "--lint=all", "--lint-fatal", *files])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.variants
@pytest.mark.parametrize("file", UNIT_TESTS, ids=lambda file: file.stem)
def test_the_rules_decide_as_their_unit_tests_expect(clone: Path, file: Path) -> None:
    decides(file.read_text(), clone / "tests" / "rules" / file.name)


def failed_run(name: str, info: str | None) -> list[dict[str, str]]:
    """Return the series of a run that fails at 0:10, with the labels *info* or without `vae_run_info`."""
    labels = f'run="{name}",rank="0",instance="{name}:9645",job="vae-training"'
    series = [
        {"series": f'vae_run_state{{{labels},state="running"}}', "values": "1x1 0 stale"},
        {"series": f'vae_run_state{{{labels},state="failed"}}', "values": "0x1 1 stale"},
        {"series": f"vae_run_start_timestamp_seconds{{{labels}}}", "values": "0x2 stale"},
        {"series": f"vae_run_end_timestamp_seconds{{{labels}}}", "values": "0x1 590 stale"},
    ]
    if info is not None:
        series.append({"series": f"vae_run_info{{{labels}{info}}}", "values": "1x2 stale"})
    return series


def test_an_alert_has_the_team_of_its_run_as_long_as_it_fires(clone: Path) -> None:
    failed = 'ALERTS{alertname="VaeRunFailed",alertstate="firing",severity="page"'
    expected = [
        {"labels": f'{failed},run="ours",team="vision"}}', "value": 1},
        {"labels": f'{failed},run="nobodys"}}', "value": 1},
        {"labels": f'{failed},run="undescribed"}}', "value": 1},
    ]
    test = {
        "interval": "5m",
        "input_series": [
            *failed_run("ours", ',team="vision",model="vae"'),
            *failed_run("nobodys", ',model="vae"'),
            *failed_run("undescribed", None),
        ],
        "promql_expr_test": [
            {"expr": 'ALERTS{run!=""}', "eval_time": time, "exp_samples": samples}
            for time, samples in (("5m", []), ("10m", expected), ("12h", expected), ("24h", expected), ("24h15m", []))
        ],
    }
    files = [f"../../prometheus/rules/{name}.yml" for name in ("training", "liveness")]
    unit_test = {"rule_files": files, "evaluation_interval": "5m", "tests": [test]}
    decides(yaml.safe_dump(unit_test), clone / "tests" / "rules" / "team.yml")


@pytest.mark.parametrize("text", ["", "team,", "a-b", "team,team", "team,run", "severity"])
def test_a_label_that_an_alert_cannot_get_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="must be names of labels from info="):
        parse_alert_labels(text)
