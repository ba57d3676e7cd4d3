"""Test how the evaluations of the rules are summarized into a judgement."""

from __future__ import annotations

import pytest

from vae_exporter.judge.engine import FiringAlert, Moment
from vae_exporter.judge.inhibition import InhibitRule
from vae_exporter.judge.judgement import AlertEpisode, BandSpan, judgement

LABELS = {"alertname": "VaeOdd", "run": "r", "severity": "page"}
WORDS = {"summary": "odd", "description": "look at it"}


def moment(
    nll: float | None = None, band: str = "", verdict: str = "", *alerts: FiringAlert, cause: str = ""
) -> Moment:
    samples = {
        "run:vae_nll:mean": [] if nll is None else [({"run": "r"}, nll)],
        "run:vae_nll_band": [({"run": "r", "band": band}, nll or 0)] if band else [],
        "run:vae_verdict": [({"run": "r", "verdict": verdict, "reason": band}, 1.0)] if verdict else [],
        # a state set: the series of the cause that applies is 1, the others are 0
        "run:vae_nll_rise_cause": [({"cause": name}, float(name == cause)) for name in ("rec", "perception")],
    }
    return Moment(samples, alerts)


def test_the_verdict_is_that_of_the_end_and_bands_and_alerts_are_listed_by_step() -> None:
    alert = FiringAlert(LABELS, WORDS)
    moments = [
        moment(),
        moment(0.2, "good", "healthy"),
        moment(0.5, "bad", "stop", alert, cause="rec"),
        moment(0.6, "bad", "stop", alert, cause="perception"),
        moment(0.15, "excellent", "healthy"),
    ]
    found = judgement(moments, [0, 100, 110, 120, 130])
    assert (found.verdict, found.reason, found.band, found.nll) == ("healthy", "excellent", "excellent", 0.15)
    assert found.bands == (
        BandSpan(None, 0, 0, None),
        BandSpan("good", 100, 100, 0.2),
        BandSpan("bad", 110, 120, 0.6),
        BandSpan("excellent", 130, 130, 0.15),
    )
    assert found.alerts == (AlertEpisode("VaeOdd", "page", 110, 130, "rec", "odd", "look at it"),)
    assert found.paged


def test_a_mean_without_a_band_is_told_apart_from_no_mean_yet() -> None:
    found = judgement([moment(), moment(7.0), moment(8.0)], [0, 100, 110])
    assert found.bands == (BandSpan(None, 0, 0, None), BandSpan(None, 100, 110, 8.0))


def test_an_alert_that_fires_twice_is_two_episodes() -> None:
    alert = FiringAlert({**LABELS, "severity": "ticket"}, WORDS)
    found = judgement([moment(0.2, "good", "watch", *alerts) for alerts in ([alert], [], [alert])], [10, 20, 30])
    assert [(episode.step, episode.resolved_step, episode.cause) for episode in found.alerts] == [
        (10, 20, None),
        (30, None, None),
    ]
    assert not found.paged


@pytest.mark.parametrize("moments", [[], [moment()]], ids=["no moments", "an empty moment"])
def test_a_run_that_is_too_short_has_no_verdict(moments: list[Moment]) -> None:
    found = judgement(moments, [0] * len(moments))
    assert (found.verdict, found.band, found.nll, found.alerts) == (None, None, None, ())


TICKET = FiringAlert({**LABELS, "severity": "ticket"}, WORDS)


def episodes(firing: str, *, apart: int, kept: tuple[str, ...] = ("VaeOdd",)) -> list[tuple[int, int | None]]:
    moments = [moment(0.2, "good", "watch", *([TICKET] if one == "x" else [])) for one in firing]
    found = judgement(moments, [apart * at for at in range(len(moments))], kept=kept)
    return [(episode.step, episode.resolved_step) for episode in found.alerts]


def test_an_alert_that_keeps_firing_does_so_for_steps_and_not_for_scrapes() -> None:
    assert episodes("x..x..", apart=50) == [(0, None)]
    assert episodes("x..x..", apart=100) == [(0, 200), (300, 500)]


def test_an_alert_that_does_not_keep_firing_resolves_at_once() -> None:
    assert episodes("x.x", apart=50, kept=()) == [(0, 50), (100, None)]


def test_an_alert_does_not_keep_firing_after_the_run_has_gone_back() -> None:
    moments = [moment(0.2, "good", "watch", *alerts) for alerts in ([TICKET], [], [TICKET])]
    found = judgement(moments, [500, 400, 410], kept=["VaeOdd"])
    assert [(episode.step, episode.resolved_step) for episode in found.alerts] == [(410, None), (500, 400)]


PAGE, REPEATED = (FiringAlert({**LABELS, "alertname": name}, WORDS) for name in ("VaePage", "VaeRepeated"))
INHIBITION = InhibitRule({"alertname": "VaePage"}, {"alertname": "VaeRep.*"}, ("run",))


def held_back(*firing: list[FiringAlert]) -> list[tuple[str, int, int | None, int | None]]:
    moments = [moment(0.5, "bad", "stop", *alerts) for alerts in firing]
    found = judgement(moments, [10 * at for at in range(len(moments))], inhibitions=[INHIBITION])
    return [(one.alert, one.step, one.inhibited_step, one.resolved_step) for one in found.alerts]


def test_an_alert_that_is_inhibited_from_its_start_is_left_out() -> None:
    assert held_back([PAGE], [PAGE, REPEATED], []) == [("VaePage", 0, None, 20)]


def test_an_alert_that_is_inhibited_later_says_from_when_on() -> None:
    assert held_back([REPEATED], [PAGE, REPEATED], [REPEATED], []) == [
        ("VaeRepeated", 0, 10, 30),
        ("VaePage", 10, None, 20),
    ]


def test_an_alert_that_outlasts_the_page_begins_when_the_page_resolves() -> None:
    assert held_back([PAGE, REPEATED], [REPEATED]) == [("VaePage", 0, None, 10), ("VaeRepeated", 10, None, None)]
