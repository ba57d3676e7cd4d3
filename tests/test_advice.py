"""There is advice for whatever the rules may say."""

from __future__ import annotations

from shipped_rules import RULES

from vae_exporter.advice import ALERTS, BANDS, SYMBOLS, advice
from vae_exporter.vocabulary import CONVERGING, NLL_BANDS, NO_BAND, VERDICTS


def test_there_is_advice_for_each_alert_that_the_rules_have() -> None:
    about_the_watching = {"Watchdog", "VaeRulesFailing", "VaeNotificationsFailing"}
    about_runs = {rule["alert"] for rule in RULES if "alert" in rule} - about_the_watching
    assert about_runs <= set(ALERTS)


def test_there_is_advice_for_each_band() -> None:
    assert set(BANDS) == {*NLL_BANDS, CONVERGING, NO_BAND}


def test_there_is_a_shape_for_each_verdict() -> None:
    assert set(SYMBOLS) == set(VERDICTS)


def test_a_reason_that_is_new_leads_to_its_runbook() -> None:
    assert "VaeNewAlert" in advice("VaeNewAlert")
