"""Check A, whether the weighted parts add up to the NLL; and the cause of a rise."""

from __future__ import annotations

from vae_exporter.vocabulary import NLL_PARTS
from vae_rules.links import run_dashboard
from vae_rules.rule import Alert, Record, Section

_LAGS = (("ratio", "0"), ("ratio_before", "1"), ("ratio_2_before", "2"), ("ratio_3_before", "3"))


def _all_of_four(comparison: str) -> str:
    return "\nand\n".join(f"  run:vae_nll_residual:{name} {comparison}" for name, _ in _LAGS)


RECORDS = Section(
    "Check A: the sum of the parts",
    (
        *(
            Record(
                f"run:vae_nll_residual:{name}",
                f'avg by (run) (last_over_time(vae_nll_unexplained_ratio{{lag="{lag}"}}[2m]))',
                f"The share of the NLL, {lag} long windows ago, that its weighted parts leave unexplained"
                if lag != "0"
                else "The share of the NLL over the newest long window that its weighted parts leave unexplained: 0 if "
                "they add up to it",
            )
            for name, lag in _LAGS
        ),
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
    "Check D and the cause of a rise: hard data if the probe did not rise, the part that grew most, and what changed",
    (
        Record(
            "run:vae_nll:has_grown",
            "run:vae_nll:mean >= $risen * run:vae_nll:level",
            "Present while the NLL is $risen times its level",
        ),
        Record(
            "run:vae_nll_rise_cause",
            """
              run:vae_run:present
            and
              run:vae_nll:mean >= $multiplied * run:vae_nll:level
            and
              run:vae_probe_growth:ratio < $calm
            and
              run:vae_probe_training_nll:mean >= $multiplied * run:vae_nll:level
            and
              run:vae_probe_training_nll:mean >= $probe_share * run:vae_nll:short_mean
            """,
            "1, on the cause of a rise: `data`, or the part of the NLL that grew most",
            why=(
                "The probe speaks only if the training's NLL had risen as far as now when it was taken: one from "
                "before a rise, or from its beginning, says nothing about it."
            ),
            labels={"cause": "data"},
        ),
        Record(
            "run_component:vae_loss:contribution_rise",
            """
              run_component:vae_nll_part:weight
            * (run_component:vae_loss:mean - run_component:vae_loss:held)
            """,
            "How much more a part adds to the NLL than while it was at its level",
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
            "run_group:vae_nll_rise:ratio",
            "max by (run, group) (last_over_time(vae_loss_group_rise_ratio[2m]))",
            "For each group of batches whose NLL rose: how many times its own level it is at",
        ),
        Record(
            "run_change:vae_nll_rise:distance_steps",
            """
              clamp_min(
                  (run:vae_nll:level_step and run:vae_nll:has_grown)
                - on (run) group_right ()
                  run_change:vae_change:last_step
              , 0)
            < $change_age
            and
              run_change:vae_change:first_step
            - on (run) group_left ()
              run:vae_loss_window:steps
            <= on (run) group_left ()
              run:vae_nll:level_step
            """,
            "For each change in the training shortly before a rise: how many steps before it",
            why="A change that began after the rise is not its cause.",
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
