"""Test the fit of loss weights, and the refusal of rows that contradict them."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_runs import recorded_rows

from vae_exporter.errors import LogError
from vae_exporter.judge.logs.repair import weights
from vae_exporter.judge.logs.repair.contradictions import common_kl_weight, common_weights, refuse_contradictions
from vae_exporter.judge.logs.repair.weights import fit_weights, parse_weights
from vae_exporter.judge.logs.rows import CONTRADICTION, Refusal, Row, RunningMean


def rows_of(rec_weight: float, perception_weight: float, *, kl_weight: float = 1e-4, logvar: float = 0.0) -> list[Row]:
    generator = random.Random(0)  # noqa: S311 - reproducible
    rows = []
    for step in range(20):
        rec, perception, kl = generator.uniform(0.01, 0.03), generator.uniform(0.03, 0.2), generator.uniform(500, 2000)
        nll = (rec_weight * rec + perception_weight * perception) / math.exp(logvar) + logvar
        values = {"nll": nll, "rec": rec, "perception": perception, "kl": kl, "total": nll + kl_weight * kl}
        rows.append(Row(step + 1, "", step, {**values, "logvar": logvar}))
    return rows


@given(rec=st.floats(0.1, 1000), perception=st.floats(0.1, 1000), kl=st.floats(1e-7, 0.1), logvar=st.floats(-2, 2))
def test_exact_sums_give_exact_weights(rec: float, perception: float, kl: float, logvar: float) -> None:
    rows = rows_of(rec, perception, kl_weight=kl, logvar=logvar)
    fitted = fit_weights(rows)
    assert fitted.weights == pytest.approx({"rec": rec, "perception": perception}, rel=1e-6)
    assert fitted.residual == pytest.approx(0, abs=1e-9)
    assert common_kl_weight(rows, given=None) == pytest.approx(kl, rel=1e-3)


@pytest.mark.parametrize(("name", "kl_weight"), [("good_run", 1e-4), ("bad_run", 1e-6)])
def test_the_weights_of_the_recorded_runs_are_found(name: str, kl_weight: float) -> None:
    rows = recorded_rows(name)
    fitted = fit_weights(rows)
    assert fitted.weights == pytest.approx({"rec": 10, "perception": 1}, rel=0.02)
    assert fitted.residual == pytest.approx(0, abs=0.002)
    assert common_kl_weight(rows, given=None) == pytest.approx(kl_weight, rel=0.01)


def test_any_number_of_parts_can_be_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "NLL_PARTS", ("rec", "perception", "temporal"))
    rows = rows_of(10, 1)
    for at, row in enumerate(rows):
        temporal = 0.02 + 0.001 * (at % 7)
        nll = row.values["nll"] + 5 * temporal if at % 6 else 3.0  # the rest is spliced
        rows[at] = replace(row, values={**row.values, "temporal": temporal, "nll": nll})
    assert fit_weights(rows).weights == pytest.approx({"rec": 10, "perception": 1, "temporal": 5})


def test_a_poor_fit_gives_no_weights_but_a_residual() -> None:
    generator = random.Random(0)  # noqa: S311 - reproducible
    rows = [
        Row(
            1,
            "",
            step,
            {"nll": generator.uniform(0.1, 0.3), "rec": generator.random(), "perception": generator.random()},
        )
        for step in range(50)
    ]
    fitted = fit_weights(rows)
    assert fitted.weights == {}
    assert fitted.residual is not None
    assert fitted.residual > 0.02


def test_proportional_parts_give_no_weights() -> None:
    rows = [
        Row(1, "", step, {"nll": 0.1 * step, "rec": 0.01 * step, "perception": 0.05 * step}) for step in range(1, 20)
    ]
    assert fit_weights(rows).weights == {}


def test_a_spliced_row_is_refused_with_the_values_that_contradict() -> None:
    rows = rows_of(10, 1)
    rows[7] = Row(8, "", 7, {**rows[7].values, "nll": 3 * rows[7].values["nll"]})
    found = list(refuse_contradictions(rows, kl_weight=common_kl_weight(rows, given=None)))
    refused = [item for item in found if isinstance(item, Refusal)]
    assert [(item.line, item.reason) for item in refused] == [(8, CONTRADICTION)]
    assert f"nll {rows[7].values['nll']:g}" in refused[0].detail


def test_a_row_whose_parts_do_not_add_up_to_its_nll_is_refused() -> None:
    rows = rows_of(10, 1)
    rows[7] = Row(8, "", 7, {**rows[7].values, "rec": 3 * rows[7].values["rec"]})
    found = list(refuse_contradictions(rows, kl_weight=1e-4, weights={"rec": 10, "perception": 1}))
    assert [item.line for item in found if isinstance(item, Refusal)] == [8]


@pytest.mark.parametrize("name", ["nll", "total", "rec"])
def test_a_row_with_a_median_of_another_row_is_refused(name: str) -> None:
    rows = recorded_rows("bad_run")
    rows[14] = replace(rows[14], values={**rows[14].values, name: rows[15].values[name]})
    found = list(refuse_contradictions(rows, kl_weight=1e-6, weights={"rec": 10, "perception": 1}))
    assert [item.line for item in found if isinstance(item, Refusal)] == [15]


def test_weights_are_fitted_despite_spliced_rows() -> None:
    rows = recorded_rows("good_run")
    for at in (5, 12, 20):
        rows[at] = replace(rows[at], means={**rows[at].means, "rec": RunningMean(0.05 + at / 100, 5e-5)})
    fitted = fit_weights(rows)
    assert fitted.weights == pytest.approx({"rec": 10, "perception": 1}, rel=0.02)
    assert fitted.rows < len(rows)


def test_approximate_weights_refuse_no_rows() -> None:
    rows = rows_of(10, 1)
    assert list(refuse_contradictions(rows, kl_weight=1e-4, weights={"rec": 8.6, "perception": 1.2})) == rows


def test_weights_that_fit_few_rows_are_not_used_for_checks() -> None:
    assert common_weights(rows_of(10, 1), {"rec": 10, "perception": 1}) == {"rec": 10, "perception": 1}
    assert common_weights(rows_of(10, 1), {"rec": 1, "perception": 5}) == {}


def test_a_permanent_change_of_the_loss_is_not_a_contradiction() -> None:
    rows = rows_of(10, 1)
    later = [Row(row.line, "", 100 + row.line, {**row.values, "total": row.values["total"] + 0.3}) for row in rows]
    assert list(refuse_contradictions([*rows, *later], kl_weight=1e-4)) == [*rows, *later]


@pytest.mark.parametrize("term", ["generator", "discriminator", "discriminator_factor"])
def test_the_total_of_a_gan_contradicts_nothing(term: str) -> None:
    """Its generator's loss has a weight that changes from step to step: it looks like spliced lines."""
    rows = rows_of(10, 1)
    for at in (2, 5, 8):
        values = {**rows[at].values, term: 0.4, "total": rows[at].values["total"] + 0.1 * at}
        rows[at] = replace(rows[at], values=values)
    assert list(refuse_contradictions(rows, kl_weight=1e-4)) == rows


def test_the_total_of_a_gan_is_checked_while_its_generator_has_no_weight() -> None:
    rows = [replace(row, values={**row.values, "discriminator_factor": 0.0}) for row in rows_of(10, 1)]
    rows[5] = replace(rows[5], values={**rows[5].values, "total": 3 * rows[5].values["total"]})
    assert [one.line for one in refuse_contradictions(rows, kl_weight=1e-4) if isinstance(one, Refusal)] == [6]


def test_a_total_with_unknown_terms_is_not_checked() -> None:
    generator = random.Random(0)  # noqa: S311 - reproducible
    rows = [Row(row.line, "", row.step, {**row.values, "total": generator.random()}) for row in rows_of(10, 1)]
    assert common_kl_weight(rows, given=None) is None
    assert common_kl_weight(rows_of(10, 1), given=0.5) is None


def test_weights_are_parsed_by_name() -> None:
    assert parse_weights("rec=10, perception=1,kl=1e-4") == {"rec": 10, "perception": 1, "kl": 1e-4}


@pytest.mark.parametrize("text", ["rec", "rec=", "rec=ten", "wreck=10", "rec=nan", "rec=inf"])
def test_invalid_weights_raise_a_clear_error(text: str) -> None:
    with pytest.raises(LogError, match="--weights"):
        parse_weights(text)
