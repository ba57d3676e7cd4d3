"""The rule files, Alertmanager's configurations and the tables of docs/judging.md are up to date and readable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from vae_rules import FILES
from vae_rules.__main__ import generated
from vae_rules.identity import Identity
from vae_rules.rule import Record
from vae_rules.training import ALERTS, JUDGEMENTS
from vae_rules.writing import promql

ROOT = Path(__file__).parents[2]
GENERATED = generated(ROOT, Identity())
RULE_FILES = {path: text for path, text in GENERATED.items() if path.parent == ROOT / "prometheus" / "rules"}
LONGEST_LINE = 120
LONGEST_EXPRESSION = 14


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_generated_file_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == GENERATED[path], "run `make rules` and commit what it writes"


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_each_line_of_a_rule_file_fits_a_screen(path: Path) -> None:
    assert [line for line in RULE_FILES[path].splitlines() if len(line) > LONGEST_LINE] == []


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_the_written_text_is_yaml_for_the_rules_of_the_source(path: Path) -> None:
    (file,) = (file for file in FILES if file.name == path.stem)
    rules = [rule for group in yaml.safe_load(RULE_FILES[path])["groups"] for rule in group["rules"]]
    written = [(rule.get("record") or rule["alert"], rule["expr"].rstrip()) for rule in rules]
    assert written == [(rule.name, promql(rule, Identity())) for rule in file.rules]


def test_no_rule_reads_a_day_of_a_series_that_is_recorded_every_15_seconds() -> None:
    seldom = {rule.name for file in FILES for section in file.memory for rule in section.rules}
    read = {
        name
        for file in FILES
        for rule in file.rules
        for name in re.findall(r"([\w:]+)(?:\{[^}]*\})?\[(?:\d+d|\d\dh\w*)\]", rule.expr)
    }
    assert read == seldom


def test_each_expression_can_be_read_in_one_go() -> None:
    expressions = {rule.name: promql(rule, Identity()) for file in FILES for rule in file.rules}
    assert [name for name, expr in expressions.items() if len(expr.splitlines()) > LONGEST_EXPRESSION] == []


def test_only_the_first_layer_of_the_training_rules_names_the_identity_of_a_run() -> None:
    later = [rule for section in JUDGEMENTS for rule in section.rules] + list(ALERTS)
    assert [rule.name for rule in later if re.search(r"\b(on|by) \(", rule.expr)] == []


def test_each_recorded_series_is_described_once() -> None:
    described = [rule.name for file in FILES for rule in file.rules if isinstance(rule, Record) and rule.about]
    recorded = {rule.name for file in FILES for rule in file.rules if isinstance(rule, Record)}
    assert sorted(described) == sorted(recorded)
