"""Test the evaluation of rules through promtool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vae_exporter.errors import StackError
from vae_exporter.judge import engine
from vae_exporter.judge.engine import FiringAlert, Moment
from vae_exporter.judge.simulation import Scrape, Scrapes

if TYPE_CHECKING:
    from pathlib import Path

RULES = """
groups:
  - name: test
    rules:
      - record: run:vae_nll:mean
        expr: vae_nll > 0.2
      - alert: Odd
        expr: run:vae_nll:mean > 0.4
        labels: {severity: page}
        annotations:
          summary: 'a "quoted" line, of {run="x"}'
          description: "two\\nlines of {{ $labels.run }}: {{ $value }} \\\\ and 損失"
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules.yml"
    file.write_text(RULES)
    return file


def scrapes_of(*values: float, run: str = '"r"') -> Scrapes:
    name = f"vae_nll{{run={run}}}"
    return Scrapes("r", [Scrape(step, {name: value}) for step, value in enumerate(values)])


def test_each_moment_has_its_samples_and_alerts_with_annotations(rules: Path) -> None:
    description = "two\nlines of r: 0.5 \\ and 損失"
    alert = FiringAlert(
        {"alertname": "Odd", "run": "r", "severity": "page"},
        {"summary": 'a "quoted" line, of {run="x"}', "description": description},
    )
    assert engine.evaluate(scrapes_of(0.1, 0.3, 0.5), [rules]) == [
        Moment({}, []),
        Moment({"run:vae_nll:mean": [({"run": "r"}, 0.3)]}, []),
        Moment({"run:vae_nll:mean": [({"run": "r"}, 0.5)]}, [alert]),
    ]


def test_special_characters_in_a_run_name_are_preserved(rules: Path) -> None:
    name = 'a "b" {c} \\ \U0001f600, d="e"'
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    [moment] = engine.evaluate(scrapes_of(0.5, run=quoted), [rules])
    assert moment.samples["run:vae_nll:mean"] == [({"run": name}, 0.5)]
    assert moment.alerts[0].labels["run"] == name


def test_a_run_that_matches_no_rule_has_empty_moments(rules: Path) -> None:
    assert engine.evaluate(scrapes_of(0.1, 0.1), [rules]) == [Moment({}, []), Moment({}, [])]


def test_a_rule_that_fails_to_evaluate_raises(rules: Path) -> None:
    rules.write_text(RULES.replace("vae_nll > 0.2", "vae_nll / on () vae_other"))
    scrapes = Scrapes("r", [Scrape(0, {'vae_nll{a="1"}': 1, 'vae_other{a="1"}': 1, 'vae_other{a="2"}': 1})])
    with pytest.raises(StackError, match="promtool cannot evaluate"):
        engine.evaluate(scrapes, [rules])


def test_no_alert_fires_for_longer_than_its_condition_holds(rules: Path) -> None:
    rules.write_text(RULES.replace("        labels:", "        keep_firing_for: 10m\n        labels:"))
    firing = [bool(moment.alerts) for moment in engine.evaluate(scrapes_of(0.5, 0.1), [rules])]
    assert firing == [True, False]
    assert engine.kept_alerts([rules]) == {"Odd"}


def test_the_alerts_that_keep_firing_are_those_of_the_rules() -> None:
    kept = engine.kept_alerts(engine.rule_files())
    assert "VaeNllRising" in kept
    assert "VaeNllDiverged" not in kept


def test_an_invalid_rule_file_raises(rules: Path) -> None:
    rules.write_text("groups: 3")
    with pytest.raises(StackError, match="promtool cannot evaluate"):
        engine.evaluate(scrapes_of(1), [rules])


def test_only_rules_that_do_not_need_a_live_process_are_used() -> None:
    names = [file.name for file in engine.rule_files()]
    assert "training.yml" in names
    assert not set(names) & engine.LIVE_RULES
