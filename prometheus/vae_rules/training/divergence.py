"""Whether the NLL has diverged: a chain of named series that you can query one by one."""

from __future__ import annotations

from vae_rules.links import run_dashboard
from vae_rules.rule import Alert, Record, Section

RECORDS = Section(
    "Divergence",
    (
        Record(
            "run:vae_nll:is_bad",
            """
              run:vae_nll:mean > run:vae_nll:edge_bad
            unless
              run:vae_nll:short_mean <= run:vae_nll:edge_bad
            unless
              (run:vae_nll:short_mean_before or run:vae_nll:mean_before_short) <= run:vae_nll:edge_bad
            """,
            "Present while the NLL is bad over the last 100 steps, the last 10 and the 10 before",
            why=(
                "A single outlier is not enough, and neither is a rise that is over. A run that reports only every "
                "50th step has 10-step windows without a value. An empty window blocks nothing, and the 100 steps "
                "before the last 10 count instead."
            ),
        ),
        Record(
            "run:vae_nll:is_falling",
            "run:vae_nll:mean < $falling * run:vae_nll:mean_before",
            "Present while the NLL is below $falling times the mean of the 100 steps before",
        ),
        Record(
            "run:vae_nll:is_bad_for_long",
            """
              run:vae_nll:mean > run:vae_nll:edge_bad
            unless
              run:vae_nll:mean_before <= run:vae_nll:edge_bad
            unless
              run:vae_nll:mean_2_before <= run:vae_nll:edge_bad
            unless
              run:vae_nll:mean_3_before <= run:vae_nll:edge_bad
            """,
            "Present while all four 100-step means of the last 400 steps are above bad",
        ),
        Record(
            "run:vae_nll:has_drifted",
            """
              run:vae_nll:was_good
            unless
              run:vae_nll:best > run:vae_nll:edge_good_max
            unless
              (run:vae_step:since_start < $young unless run:vae_nll:best)
            unless
              (run:vae_nll_growth:ratio < $drifted unless run:vae_nll:is_bad_for_long)
            """,
            "Present while a run that was good is at $drifted times its NLL of 300 steps before, or has been bad for "
            "400 steps",
            why=(
                "Noise alone can make 10 steps good in a run that hovers around bad or falls slowly past it, so its "
                "best 100 steps must have been good. The first 100 steps have no baseline."
            ),
        ),
        Record(
            "run:vae_nll:is_diverging",
            """
              run:vae_nll:is_bad
            unless
              run:vae_nll:is_falling
            and
              (run:vae_nll:has_multiplied or run:vae_nll:has_drifted)
            """,
            "Present while the NLL is bad, not falling, and much worse than it was",
        ),
        Record(
            "run:vae_nll:has_recovered",
            """
              run:vae_nll:mean <= run:vae_nll:edge_good_max
            or
              run:vae_nll:mean <= run:vae_nll:best unless run:vae_nll:was_good
            """,
            "Present while the NLL is good, or while a run that was never good is back at its best",
            why="It clears at good_max, not at bad, so one divergence is one page.",
        ),
        Record(
            "run:vae_nll_diverged:bool",
            """
              run:vae_run:present and run:vae_nll:is_diverging
            or
              last_over_time(run:vae_nll_diverged:bool[1h]) == 1
                unless run:vae_nll:has_recovered
                and last_over_time(run:vae_run:present[1d])
            or
              run:vae_run:present * 0
            """,
            "1 while VaeNllDiverged fires, 0 while it does not",
            why=(
                "It stays 1 until the run recovers, and for a day after the run was last scraped: a run that died "
                "has not recovered."
            ),
        ),
    ),
)

ALERT = Alert(
    "VaeNllDiverged",
    "page",
    "last_over_time(run:vae_nll:mean[1d]) and run:vae_nll_diverged:bool == 1",
    when="the NLL is bad, not falling, and much worse than it was: see [Divergence](#divergence)",
    clears="when the NLL is good",
    summary="""
        {{ with <<run:vae_nll_rise_cause{@run,cause="data"}>> -}}
        Run {{ $labels.run }}: NLL [[value]] is bad but the probe is fine: hard data. If the outputs look good, let
        it run; if not, stop it.
        {{- else -}}
        Run {{ $labels.run }} diverged: NLL [[value]]. Stop it and resume from a checkpoint before the rise.
        {{- end }}
    """,
    description="""
        [[unless scraped]]
        The mean NLL of the last 100 steps is [[value]]
        {{- with <<last_over_time(run:vae_nll:edge_bad{@run}[1d]) < @value>> }}, above [[first %.3g]] (bad)
        {{- with <<run:vae_nll:mean{@run} < run:vae_nll:mean_before{@run}>> }}{{ else }} and not falling{{ end }}
        {{- else }}
        {{- with <<last_over_time(run:vae_nll:edge_good_max{@run}[1d])>> }}, still above [[first %.3g]] (good){{ end }}
        {{- end }}
        [[last step]]
        [[last learning rate]].
        {{- with <<run:vae_nll_rise_cause{@run,cause="data"}>> }}
        [[hard data]]
        {{- else }}
        [[part that grew]]
        [[discriminator]] and may be the cause: start it later or lower its weight.{{ end }}
        Stop the run, look at its outputs, and resume from the last checkpoint before the rise
        {{- with <<last_over_time(run:vae_nll:mean{@run}[1d])
        >= last_over_time(run:vae_nll:edge_reduce_learning_rate{@run}[1d])>> }},
        with a lower learning rate{{ end }}.
        [[no probe]]
        {{- end }}
        [[gpu error]]
    """,
    dashboard=run_dashboard("run:vae_nll:mean{@run}"),
)
