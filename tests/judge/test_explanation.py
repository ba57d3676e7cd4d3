"""The explanation of VaeNllDiverged has the parts and the words of the shipped rules."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest
from recorded_runs import Step
from simulation import scrape_run
from stored_series import store

from vae_exporter.judge.engine import rule_files
from vae_exporter.judge.explanation import DIVERGED, Part, explain_log, explain_run
from vae_exporter.judge.recorded_rules import recorded_rules
from vae_exporter.stack import servers
from vae_rules import FILES
from vae_rules.constants import with_numbers
from vae_rules.rule import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ABOUTS = {
    rule.name: with_numbers(rule.about)
    for file in FILES
    for rule in reversed(file.rules)
    if isinstance(rule, Record) and file.name == "training"
}

NAMED = {"is_bad", "is_falling", "has_multiplied", "has_drifted", "has_quadrupled", "bands_unfit", "has_recovered"}


def test_each_series_has_the_sentence_of_its_rule() -> None:
    rules = recorded_rules(rule_files())
    assert rules.keys() == ABOUTS.keys()
    assert {name: rule.about for name, rule in rules.items() if ABOUTS[name]} == {
        name: about for name, about in ABOUTS.items() if about
    }


def short(name: str) -> str:
    return name.rpartition(":")[2]


@pytest.fixture(scope="module")
def parts() -> dict[str, Part]:
    steps = [
        Step(step, 1.0, {"nll": (0.16 if step < 500 else 0.7) * random.Random(step).uniform(0.9, 1.1)}, 1e-4)  # noqa: S311 - noise
        for step in range(650)
    ]
    return {short(part.name): part for part in explain_log(scrape_run("bad", steps), rule_files())}


def test_it_has_each_part_that_the_page_is_made_of(parts: dict[str, Part]) -> None:
    assert parts.keys() >= NAMED
    assert parts["bool"].name == DIVERGED


def test_the_parts_that_hold_are_true(parts: dict[str, Part]) -> None:
    holding = {name for name, part in parts.items() if part.holds}
    assert holding >= {"bool", "is_diverging", "is_bad", "has_multiplied", "has_drifted", "has_quadrupled"}
    assert not holding & {"is_falling", "bands_unfit", "has_recovered", "is_good_for_long"}


def test_a_part_has_the_numbers_that_it_compares(parts: dict[str, Part]) -> None:
    assert {short(name): round(value or 0, 1) for name, value in parts["has_multiplied"].numbers.items()} == {
        "lower_bound": 0.7,
        "level": 0.2,
    }
    assert parts["has_multiplied"].meaning == "the NLL is at least 1.5 times its level"


def test_a_part_is_deeper_than_the_one_that_names_it(parts: dict[str, Part]) -> None:
    depths = [parts[name].depth for name in ("bool", "is_diverging", "is_bad", "bands_unfit")]
    assert depths == [0, 1, 2, 3]


def ended(last_step: int) -> Iterator[str]:
    """Yield a run whose last step is scraped 10 s later, and judged after 15 s."""
    for name, value in (("info", 1), ("start_timestamp_seconds", last_step - 600)):
        yield f'vae_run_{name}{{run="ended"}} {value} {last_step}'
    yield f'vae_last_step_timestamp_seconds{{run="ended"}} {last_step} {last_step}'
    yield from (
        f'run:vae_nll:mean{{run="ended"}} {0.2 if after < 15 else 12.0} {last_step + after}'
        for after in range(-60, 135, 15)
    )
    yield from (f'run:vae_nll:level{{run="ended"}} 0.2 {last_step + after}' for after in range(-60, 135, 15))


def test_a_run_that_is_over_is_explained_by_its_last_values(tmp_path: Path) -> None:
    store(tmp_path, ended(int(time.time()) - 3600))
    with servers.prometheus(tmp_path, alertmanager_url="http://127.0.0.1:1") as url:
        _, explained = explain_run(url, None)
    numbers = {short(name): value for part in explained for name, value in part.numbers.items()}
    assert (numbers["mean"], numbers["level"]) == (12.0, 0.2)
