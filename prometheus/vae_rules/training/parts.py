"""Check A, whether the weighted parts add up to the NLL; and the cause of a rise."""

from __future__ import annotations

from vae_exporter.vocabulary import NLL_PARTS
from vae_rules.links import run_dashboard
from vae_rules.rule import Alert, Record, Section
from vae_rules.training.facts.components import RESIDUAL_LAGS


def _all_of_four(comparison: str) -> str:
    return "\nand\n".join(f"  run:vae_nll_residual:{name} {comparison}" for name, _ in RESIDUAL_LAGS)


RECORDS = Section(
    "Check A: the sum of the parts",
    (
        Record(
            "run:vae_nll_sum:is_too_low",
            _all_of_four("> $sum_tolerance"),
            "Present while the parts add up to too little in each of the last four long windows",
            why="Parts that are reported seldom miss the sum by chance, but not always to the same side.",
        ),
        Record(
            "run:vae_nll_sum:is_too_high",
            _all_of_four("< -$sum_tolerance"),
            "Present while they add up to too much in each of them",
        ),
    ),
)

CAUSE = Section(
    "Check D and the cause of a rise: hard data if the probe did not rise or the run before did, the part that grew "
    "most, and what changed",
    (
        Record(
            "run:vae_nll:has_grown",
            "run:vae_nll:mean >= $risen * run:vae_nll:level",
            "Present while the NLL is $risen times its level",
        ),
        Record(
            "run:vae_probe:is_calm",
            """
              run:vae_nll:mean >= $multiplied * run:vae_nll:level
            and
              run:vae_probe_growth:ratio < $calm
            and
              run:vae_probe_training_nll:mean >= $multiplied * run:vae_nll:level
            and
              run:vae_probe_training_nll:mean >= $probe_share * run:vae_nll:short_mean
            """,
            "Present while the NLL has risen and the probe has not",
            why=(
                "The probe speaks only if the training's NLL had risen as far as now when it was taken: one from "
                "before a rise, or from its beginning, says nothing about it."
            ),
        ),
        Record(
            "run:vae_nll_rise_cause",
            "group without () (run:vae_probe:is_calm or run:vae_baseline:explains)",
            "1, on the cause of a rise: `data`, or the part of the NLL that grew most",
            labels={"cause": "data"},
        ),
        Record(
            "run_component:vae_loss:contribution_rise",
            """
              (
                  (run_component:vae_loss:mean and ignoring (component) run:vae_nll:has_grown)
                -
                  run_component:vae_loss:held
              )
            *
              run_component:vae_nll_part:weight
            """,
            "How much more a part of an NLL that has grown adds to it than while it was at its level",
        ),
        Record(
            "run:vae_nll_rise_cause",
            """
              group without (component) (
                label_replace(
                  topk without (component) (1, run_component:vae_loss:contribution_rise > 0),
                  "cause", "$1", "component", "(.+)"
                )
              )
                and ignoring (cause) run:vae_nll:has_grown
                unless ignoring (cause) run:vae_nll_rise_cause{cause="data"}
            or ignoring (cause)
              run:vae_nll_rise_cause{cause!="data"}
                and ignoring (cause) run:vae_nll_diverged:bool == 1
                unless ignoring (cause) run:vae_nll_rise_cause{cause="data"}
            """,
            why="What was found stays until a divergence is over.",
        ),
        Record(
            "run_change:vae_nll_rise:distance_steps",
            """
              run_change:vae_change:distance_steps < $change_age
            and ignoring (change)
              run:vae_nll:has_grown
            """,
            "For each change in the training shortly before a rise: how many steps before it",
        ),
    ),
)

SUM_MISMATCH = Alert(
    "VaeLossSumMismatch",
    "ticket",
    "run:vae_nll_residual:ratio and (run:vae_nll_sum:is_too_low or run:vae_nll_sum:is_too_high)",
    when="the sum of the weighted parts is off by more than 5 % of the NLL over four long windows: [check A](#check-a)",
    clears="when the parts add up in one of the last four long windows",
    summary="""
        Run {{ $labels.run }}: the weighted parts do not add up to the NLL
        ({{ humanizePercentage $value }} is unexplained). Check loss_weights.
    """,
    description="""
        Over the last four long windows, the weighted parts do not add up to the NLL. Over the newest,
        {{- with <<run:vae_nll:mean{@run}>> }} the mean NLL is [[first %.3g]]{{ end }}
        {{- range <<run_component:vae_loss:contribution{@run,component=~"PARTS"}>> | sortByLabel "component" }},
        weighted {{ .Labels.component }} is {{ printf "%.3g" .Value }}{{ end }}.
        Until they add up, the cause that a page names may be wrong. Either loss_weights differs from the weights in
        your
        loss, a part is reported after weighting, or a part is not reported.
    """.replace("PARTS", "|".join(NLL_PARTS)),
    dashboard=run_dashboard("run:vae_nll_residual:ratio{@run}"),
)
