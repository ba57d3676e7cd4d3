"""NaN and infinite losses."""

from __future__ import annotations

from textwrap import indent

from vae_rules.links import run_dashboard
from vae_rules.rule import Alert, Record, Section
from vae_rules.seen import PARTS
from vae_rules.sentences import last
from vae_rules.training.memory import remembered

_LAST_STEP = "run_component:vae_last_nonfinite_step:max"
_SINCE_STEP = "run_component:vae_nonfinite_since_step:min"

RECORDS = Section(
    "NaN and infinity",
    (
        Record(
            "run_rank:vae_loss:is_nonfinite",
            """
              run_rank:vae_step:max - run_rank:vae_last_nonfinite_step:max < $nonfinite
            or
              run_rank:vae_last_nonfinite_step:max > run_rank:vae_step:min2m
            """,
            "Present while a loss was NaN or infinite within the last $nonfinite steps, or, in a fast run, within the "
            "last two minutes",
        ),
        Record(
            "run:vae_loss:is_nonfinite",
            "max without (rank) (run_rank:vae_loss:is_nonfinite)",
            "The same for any rank",
        ),
        Record(
            "run:vae_loss_nonfinite:bool",
            """
              run:vae_run:present and run:vae_loss:is_nonfinite
            or
              last_over_time(run:vae_loss_nonfinite:bool[1h]) == 1
                unless run:vae_run:present
                unless run:vae_run:is_succeeded
                and run:vae_run:is_remembered
            or
              (run:vae_run:present or run:vae_run:is_succeeded) * 0
            """,
            "1 while VaeLossNonfinite fires, 0 while it does not",
        ),
    ),
)

ALERT = Alert(
    "VaeLossNonfinite",
    "page",
    f"""
  max without (rank) (
{indent(remembered("run_rank:vae_last_nonfinite_step:max"), PARTS)}
  )
and
  run:vae_loss_nonfinite:bool == 1
    """,
    when="a loss was NaN or infinite within the last $nonfinite steps, or, in a fast run, within the last two minutes",
    clears="when neither holds",
    summary="""
        Run {{ $labels.run }}: NaN or infinite loss, last at step {{ printf "%.0f" $value }}. If it continues,
        resume from an earlier checkpoint.
    """,
    description=f"""
        [[unless it reports]]
        These losses were NaN or infinite:
        {{{{- range $index, $loss := <<({last(_LAST_STEP)}) > @value - $nonfinite>> | sortByLabel "component" }}}}
        {{{{- if $index }}}},{{{{ end }}}} {{{{ .Labels.component }}}} (last at step {{{{ printf "%.0f" .Value }}}})
        {{{{- end }}}}. If this continues, the weights and every checkpoint since then are NaN.
        Stop the run and resume from the last checkpoint before
        {{{{- with <<min(({last(_SINCE_STEP)}) and ({last(_LAST_STEP)}) > @value - $nonfinite)>> }}}} step
        [[first %.0f]]
        {{{{- else }}}} the first such step{{{{ end }}}}, with a lower learning rate or gradient clipping.
        [[gpu error]]
    """,
    dashboard=run_dashboard("run:vae_nll:mean{@run}"),
)
