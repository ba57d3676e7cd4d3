"""Check A, whether the weighted parts add up to the NLL; and the cause of a rise."""

from __future__ import annotations

from vae_exporter.vocabulary import NLL_PARTS
from vae_rules.links import run_dashboard
from vae_rules.rule import Alert, Record, Section

RECORDS = Section(
    "Check A: the sum of the parts, and what the NLL rises by",
    (
        Record(
            "run_component:vae_loss:contribution_rise",
            """
              run_component:vae_nll_part:weight
            * (run_component:vae_loss:mean - run_component:vae_loss:mean_earlier)
            """,
            "How much more a part adds to the NLL than over the 300 steps before",
        ),
        Record(
            "run:vae_nll_sum:is_incomplete",
            "count without (component) (run_component:vae_nll_part:weight unless run_component:vae_loss:mean)",
            "Present while a part of the NLL has a weight but no mean",
        ),
        *(
            Record(
                f"run:vae_nll_sum:{mean}",
                f"""
                  sum without (component) (run_component:vae_nll_part:weight * run_component:vae_loss:{mean})
                unless
                  run:vae_nll_sum:is_incomplete
                """,
                f"The sum of the weighted parts, to compare with `run:vae_nll:{mean}`",
            )
            for mean in ("mean", "mean_before", "mean_2_before", "mean_3_before")
        ),
        *(
            Record(
                f"run:vae_nll_residual:{ratio}",
                f"1 - run:vae_nll_sum:{mean} / run:vae_nll:{mean}",
                f"The share of `run:vae_nll:{mean}` that its parts leave unexplained: 0 if they add up to it",
            )
            for ratio, mean in (
                ("ratio", "mean"),
                ("ratio_before", "mean_before"),
                ("ratio_2_before", "mean_2_before"),
                ("ratio_3_before", "mean_3_before"),
            )
        ),
        Record(
            "run:vae_nll_sum:is_too_low",
            """
              run:vae_nll_residual:ratio > $sum_tolerance
            and
              run:vae_nll_residual:ratio_before > $sum_tolerance
            and
              run:vae_nll_residual:ratio_2_before > $sum_tolerance
            and
              run:vae_nll_residual:ratio_3_before > $sum_tolerance
            """,
            "Present while the sum of the parts is too low in each of the last four 100-step means",
            why="Parts that are reported rarely miss the NLL by chance, but not always in the same direction.",
        ),
        Record(
            "run:vae_nll_sum:is_too_high",
            """
              run:vae_nll_residual:ratio < -$sum_tolerance
            and
              run:vae_nll_residual:ratio_before < -$sum_tolerance
            and
              run:vae_nll_residual:ratio_2_before < -$sum_tolerance
            and
              run:vae_nll_residual:ratio_3_before < -$sum_tolerance
            """,
            "Present while the sum of the parts is too high in each of them",
        ),
    ),
)

CAUSE = Section(
    "Check D and the cause of a rise: hard data if the probe did not rise, otherwise the part that grew most",
    (
        Record(
            "run:vae_nll_calm:step",
            """
              run:vae_step:max and run:vae_nll:mean < $calm * run:vae_nll:best
            or
              last_over_time(run:vae_nll_calm:step[1h]) and run:vae_nll:mean
            """,
            "The last step at which the NLL was below $calm times its best",
            why="A probe from before the rise cannot explain it.",
        ),
        Record(
            "run:vae_nll_rise_cause",
            """
              run:vae_run:present
            and
              run:vae_nll:has_multiplied
            and
              run:vae_probe_growth:ratio < $calm
            unless
              run:vae_probe:step <= run:vae_nll_calm:step
            """,
            "1, labeled with the cause of a rise: `data`, or the part of the NLL that grew most",
            labels={"cause": "data"},
        ),
        Record(
            "run:vae_nll:has_grown",
            "run:vae_nll:mean >= $risen * run:vae_nll:mean_earlier",
            "Present while the NLL is at least $risen times the mean of the 300 steps before",
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
            why="A cause stays until the divergence is over: by then, the windows to compare with are bad as well.",
        ),
    ),
)

SUM_MISMATCH = Alert(
    "VaeLossSumMismatch",
    "ticket",
    "run:vae_nll_residual:ratio and (run:vae_nll_sum:is_too_low or run:vae_nll_sum:is_too_high)",
    when="the sum of the weighted parts is off by more than 5 % of the NLL over 400 steps: [check A](#check-a)",
    clears="when the parts add up in one of the last four 100-step means",
    summary="""
        Run {{ $labels.run }}: the weighted parts do not add up to the NLL
        {{- with <<run:vae_nll_sum:mean{@run}>> }} ([[first %.3g]]
        {{- with <<run:vae_nll:mean{@run}>> }} instead of [[first %.3g]]{{ end }})
        {{- end }}. Check loss_weights.
    """,
    description="""
        Over the last 400 steps, the weighted parts do not add up to the NLL. Over the last 100,
        {{- with <<run:vae_nll:mean{@run}>> }} the mean NLL is [[first %.3g]]{{ end }}
        {{- range <<run_component:vae_loss:contribution{@run,component=~"PARTS"}>> | sortByLabel "component" }},
        weighted {{ .Labels.component }} is {{ printf "%.3g" .Value }}{{ end }}.
        Until they add up, the cause that a page names may be wrong. Either loss_weights differs from the weights in
        your
        loss, a part is reported after weighting, or a part is not reported.
    """.replace("PARTS", "|".join(NLL_PARTS)),
    dashboard=run_dashboard("run:vae_nll_residual:ratio{@run}"),
)
