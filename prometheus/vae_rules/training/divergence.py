"""Whether the NLL has diverged: a chain of named series that you can query one by one."""

from __future__ import annotations

from textwrap import dedent

from vae_rules.links import run_dashboard
from vae_rules.rule import Alert, Record, Section


def times_held(times: str) -> str:
    """Return the PromQL of an NLL that is, with evidence, at *times* the level that it held, and not good."""
    return dedent(
        f"""\
          run:vae_nll:lower_bound >= {times} * run:vae_nll:held
        unless
          run:vae_nll:short_mean < {times} * run:vae_nll:held
        unless
          (run:vae_nll:short_mean_before or run:vae_nll:mean_before_short) < {times} * run:vae_nll:held
        and
          (run:vae_nll:mean > run:vae_nll:edge_good_max or run:vae_nll:bands_unfit)
        """
    )


RECORDS = Section(
    "Divergence",
    (
        Record(
            "run:vae_nll:is_bad",
            """
              run:vae_nll:lower_bound > run:vae_nll:edge_bad
            unless
              run:vae_nll:short_mean <= run:vae_nll:edge_bad
            unless
              (run:vae_nll:short_mean_before or run:vae_nll:mean_before_short) <= run:vae_nll:edge_bad
            unless
              run:vae_nll:bands_unfit
            """,
            "Present while the NLL is bad over the newest long window and the last two short ones",
            why=(
                "One outlier is not enough, nor is a rise that is over. Short windows without a value object to "
                "nothing: the long window before the newest short one counts instead."
            ),
        ),
        Record(
            "run:vae_nll:is_falling",
            "run:vae_nll:mean < $falling * run:vae_nll:mean_before",
            "Present while the NLL is below $falling times the mean over the long window before",
        ),
        Record(
            "run:vae_nll:is_bad_for_long",
            """
              run:vae_nll:mean > run:vae_nll:edge_bad
            and
              run:vae_nll:mean_before > run:vae_nll:edge_bad
            and
              run:vae_nll:mean_2_before > run:vae_nll:edge_bad
            and
              run:vae_nll:mean_3_before > run:vae_nll:edge_bad
            """,
            "Present while the last four long windows are bad",
        ),
        Record(
            "run:vae_nll:has_drifted",
            """
              run:vae_nll:level <= run:vae_nll:edge_good_max
            and
              (
                  run:vae_nll:lower_bound >= $drifted * (run:vae_nll:mean_3_before or run:vae_nll:level)
                or
                  run:vae_nll:is_bad_for_long
              )
            """,
            "Present while a run whose level was good has grown $drifted times within three long windows, or is bad "
            "for long",
        ),
        Record(
            "run:vae_nll:has_quadrupled",
            times_held("$quadrupled"),
            "Present while the NLL is at least $quadrupled times the level that it held, and not good",
            why="It needs no band, so it holds at any scale of the loss.",
        ),
        Record(
            "run:vae_nll:is_diverging",
            """
              (
                  run:vae_nll:is_bad
                and
                  (run:vae_nll:has_multiplied or run:vae_nll:has_drifted)
                or
                  run:vae_nll:has_quadrupled
              )
            unless
              run:vae_nll:is_falling
            """,
            "Present while the NLL is much worse than it was, by the bands or by its own level, and not falling",
        ),
        Record(
            "run:vae_nll:recovery_edge",
            "run:vae_nll:edge_good_max and last_over_time(run:vae_nll_diverged:mean[1h])",
            "The upper edge of good, for a run that has diverged within the last hour",
            why="Only such a run can recover.",
        ),
        Record(
            "run:vae_nll:recovery_level",
            "run:vae_nll:level and last_over_time(run:vae_nll_diverged:mean[1h])",
            "The level of such a run",
        ),
        Record(
            "run:vae_nll:is_good_for_long",
            """
              run:vae_nll:mean <= run:vae_nll:recovery_edge
            and
              run:vae_nll:mean_before <= run:vae_nll:recovery_edge
            and
              run:vae_nll:mean_2_before <= run:vae_nll:recovery_edge
            """,
            "Present while the last three long windows are good",
        ),
        Record(
            "run:vae_nll:is_good_for_six",
            """
              run:vae_nll:is_good_for_long
            and
              run:vae_nll:mean_3_before <= run:vae_nll:recovery_edge
            and
              run:vae_nll:mean_4_before <= run:vae_nll:recovery_edge
            and
              run:vae_nll:mean_5_before <= run:vae_nll:recovery_edge
            """,
            "Present while the last six long windows are good",
        ),
        Record(
            "run:vae_nll:is_near_level",
            "run:vae_nll:mean < $multiplied * run:vae_nll:recovery_level",
            "Present while the NLL is below $multiplied times its level",
        ),
        Record(
            "run:vae_nll:has_recovered",
            """
              (
                  run:vae_nll:is_good_for_six
                or
                  run:vae_nll:is_good_for_long and run:vae_nll:is_near_level
                or
                  run:vae_nll:mean <= run:vae_nll:recovery_level unless run:vae_nll:was_good
              )
            unless
              run:vae_nll:bands_unfit
            or
              run:vae_nll:is_near_level and run:vae_nll:bands_unfit
            """,
            "Present while the NLL is good for six long windows, or for three and near its level; while a run that was "
            "never good is back at its level; while one that the bands do not fit is near its level",
            why=(
                "A GAN's NLL swings: one good window between two bad ones is no recovery. One divergence is one page."
            ),
        ),
        Record(
            "run:vae_nll_diverged:before",
            "last_over_time(run:vae_nll_diverged:bool[2m]) == 1",
            "1 if the run had diverged one evaluation ago",
            why="This rule comes before the one that records the present.",
        ),
        Record(
            "run:vae_nll_diverged:bool",
            """
              run:vae_run:present and run:vae_nll:is_diverging
            or
              last_over_time(run:vae_nll_diverged:bool[1h]) == 1
                unless run:vae_nll:has_recovered
                unless run:vae_run:is_succeeded
                and run:vae_run:is_remembered
            or
              (run:vae_run:present or run:vae_run:is_succeeded) * 0
            """,
            "1 while VaeNllDiverged fires, 0 while it does not",
            why=(
                "It stays 1 until the run recovers or another run resumes it, and for a day after the run was last "
                "scraped: a run that died has not recovered."
            ),
        ),
        Record(
            "run:vae_nll_diverged:mean",
            """
              (
                  run:vae_nll:mean
                or
                  last_over_time(run:vae_nll_diverged:mean[1h])
                or
                  last_over_time(run:vae_nll:mean[1h])
              )
            and
              run:vae_nll_diverged:bool == 1
            """,
            "The mean of the NLL of a run that has diverged; while it has none, the last one",
            why="The last alternative begins it, if these rules were installed after the run had died.",
        ),
    ),
)

ALERT = Alert(
    "VaeNllDiverged",
    "page",
    """
      (run:vae_nll:mean or last_over_time(run:vae_nll_diverged:mean[1h]))
    and
      (
          run:vae_nll_diverged:bool == 1
        or
          run:vae_nll_diverged:before and run:vae_nll:has_recovered and run:vae_nll:mean_2_before
      )
    """,
    why=(
        "Fires for one evaluation more when the run has recovered: a notification that an alert resolved has the text "
        "of its last evaluation, which then says so. If Prometheus is down, the text stays that of the divergence. So "
        "it does if the run starts anew, which is no recovery: it has not made three windows. The mean itself is read "
        "because vmalert sees the recorded one an evaluation later."
    ),
    when="the NLL is bad and much worse than it was, or four times the level that it held: "
    "see [Divergence](#divergence)",
    clears="when the NLL has been good for three to six long windows",
    summary="""
        {{ with <<run:vae_nll_diverged:bool{@run} == 0>> -}}
        Run {{ $labels.run }} recovered: the NLL is back at [[value]]. No action is needed.
        {{- else -}}
        {{ with <<run:vae_nll_rise_cause{@run,cause="data"}>> -}}
        Run {{ $labels.run }}: NLL [[value]] is bad
        {{- with <<run:vae_probe:is_calm{@run}>> }} but the probe is fine{{ else }}
        [[as the run before]]{{ end }}: hard data. If the outputs look good, let it run; if not, stop it.
        {{- else -}}
        Run {{ $labels.run }} diverged: NLL [[value]]
        [[the run before]]. Stop it and resume from a checkpoint before the rise.
        {{- end }}
        {{- end }}
    """,
    description="""
        [[unless it reports]]
        The mean NLL
        [[last steps]] is [[value]]
        {{- with <<run:vae_nll:bands_unfit{@run}>> }}{{ else }}
        {{- with <<last_over_time(run:vae_nll:edge_bad{@run}[25h]) < @value>> }}, above [[first %.3g]] (bad)
        {{- with <<run:vae_nll:mean{@run} < run:vae_nll:mean_before{@run}>> }}{{ else }} and not falling{{ end }}
        {{- else }}
        {{- with <<last_over_time(run:vae_nll:edge_good_max{@run}[25h]) < @value>> }}, still above [[first %.3g]] (good)
        {{- end }}
        {{- end }}
        {{- end }}
        [[level]]
        [[last step]]
        [[last learning rate]].
        [[judged]]
        {{- with <<run:vae_nll_diverged:bool{@run} == 0>> }} The run has recovered, and this alert resolves.
        {{- else }}
        {{- with <<run:vae_nll_rise_cause{@run,cause="data"}>> }}
        [[hard data]]
        {{- else }}
        [[part that grew]]
        [[groups]]
        [[changes]]
        Stop the run, look at its outputs, and resume from the last checkpoint before the rise
        {{- with <<last_over_time(run:vae_nll:mean{@run}[25h])
        >= last_over_time(run:vae_nll:edge_reduce_learning_rate{@run}[25h]) unless run:vae_nll:bands_unfit{@run}>> }},
        with a lower learning rate{{ end }}.
        [[no group]]
        [[no probe]]
        {{- end }}
        [[gpu error]]
        {{- end }}
    """,
    dashboard=run_dashboard("run:vae_nll:mean{@run}"),
)
