"""Check B, the course of the NLL: a rise, a spike, a value that is too low, one that is never good, and none at all."""

from __future__ import annotations

from vae_rules.links import run_dashboard
from vae_rules.rule import Alert, Record, Section

RECORDS = Section(
    "Check B: the course of the NLL",
    (
        Record(
            "run:vae_nll:is_climbing",
            """
              run:vae_nll_growth:ratio >= $multiplied
            and
              run:vae_nll:mean > run:vae_nll:mean_before
            and
              run:vae_nll:mean_before > run:vae_nll:mean_2_before
            and
              run:vae_nll:mean_2_before > run:vae_nll:mean_3_before
            and
              run:vae_nll:mean > run:vae_nll:edge_excellent_max
            """,
            "Present while each of four 100-step means is above the one before and the newest $multiplied times "
            "the oldest",
        ),
        Record(
            "run:vae_nll:is_exploding",
            """
              run:vae_nll:has_multiplied
            and
              run:vae_nll:mean > run:vae_nll:edge_good_max
            and
              run:vae_nll:mean > run:vae_nll:mean_before
            """,
            "Present while the NLL is $multiplied times its best, above good, and above the 100 steps before",
        ),
        Record(
            "run:vae_nll:is_spiking",
            """
              run:vae_nll:short_mean >= $doubled * run:vae_nll:mean_before
            and
              run:vae_nll:short_mean_before >= $doubled * run:vae_nll:mean_before
            and
              run:vae_nll:short_mean > run:vae_nll:edge_excellent_max
            """,
            "Present while the last 10 steps and the 10 before are both $doubled times the 100 steps before",
            why="An outlier is in one of the two only.",
        ),
        Record(
            "run:vae_nll:is_suspicious",
            "run:vae_nll:mean < run:vae_nll:edge_suspicious",
            "Present while the NLL is suspiciously low",
        ),
        Record(
            "run:vae_nll:started_low",
            """
              run:vae_nll:start < run:vae_nll:edge_excellent_min
            and
              run:vae_step:since_start < $suspect_start
            unless
              run:vae_run:resumed
            """,
            "Present for the first $suspect_start steps of a run that began below excellent and was not resumed",
        ),
        Record(
            "run:vae_nll:was_never_good",
            """
              run:vae_nll:mean
            and
              run:vae_step:since_start >= $never_good
            unless
              run:vae_nll:was_good
            """,
            "Present for a run that was not good within $never_good steps",
        ),
        Record(
            "run:vae_run:is_unjudged",
            """
              run:vae_steps:total >= $unjudged
            unless
              last_over_time(run:vae_nll:mean[10m])
            unless
              run:vae_loss_nonfinite:bool == 1
            """,
            "Present for a run that made $unjudged steps and has no mean NLL",
        ),
    ),
)

RISING = Alert(
    "VaeNllRising",
    "ticket",
    "run:vae_nll:mean and (run:vae_nll:is_climbing or run:vae_nll:is_exploding)",
    keep_firing="10m",
    when="the NLL rises over 400 steps, or explodes: [check B](#check-b)",
    clears="10 minutes after",
    summary="""
        {{ with <<run:vae_nll_rise_cause{@run,cause="data"}>> -}}
        Run {{ $labels.run }}: the NLL rises to [[value]], the probe does not: hard data. If the outputs look good,
        let it run.
        {{- else -}}
        Run {{ $labels.run }}: the NLL rises to [[value]]. Look at the outputs, and keep the last good checkpoint.
        {{- end }}
    """,
    description="""
        The mean NLL of the last 100 steps is [[value]]
        {{- with <<run:vae_nll_growth:ratio{@run} >= $multiplied>> }}, [[first %.2g]] times the mean of 300 steps before
        {{- else }}{{ with <<run:vae_nll:best{@run}>> }}, more than $multiplied times its best ([[first %.3g]]){{ end }}
        {{- end }}
        [[step]]
        [[learning rate]].
        {{- with <<run:vae_nll_rise_cause{@run,cause="data"}>> }}
        [[hard data]]
        {{- else }}
        [[part that grew]]
        [[discriminator]]: a rise is common then and settles within some hundred steps.{{ end }}
        If it continues, the run will be bad soon: keep a copy of the last checkpoint before the rise, and lower the
        learning
        rate when you resume from it.
        [[no probe]]
        {{- end }}
    """,
    dashboard=run_dashboard("run:vae_nll:mean{@run}"),
)

SPIKE = Alert(
    "VaeNllSpike",
    "ticket",
    "run:vae_nll:short_mean and run:vae_nll:is_spiking",
    keep_firing="10m",
    when="20 steps at $doubled times the NLL before them: [check B](#check-b)",
    clears="10 minutes after",
    summary="""
        Run {{ $labels.run }}: the NLL spiked to [[value]], at least $doubled times its level. Check that it comes back.
    """,
    description="""
        The mean NLL of the last 10 steps is [[value]]
        {{- with <<run:vae_nll:mean_before{@run}>> }}; 100 steps ago the mean was [[first %.3g]]{{ end }}
        [[step]]
        [[learning rate]].
        [[discriminator]]: a rise is common then and settles within some hundred steps.{{ end }}
        Twenty steps are more than a single bad batch. After a few hard clips the NLL comes back; after a step that
        was too
        large it does not. If it stays high for 100 steps, look at the outputs, the gradient norm and the clips of these
        steps.
    """,
    dashboard=run_dashboard("run:vae_nll:short_mean{@run}"),
)

SUSPICIOUS = Alert(
    "VaeNllSuspicious",
    "ticket",
    "run:vae_nll:is_suspicious or run:vae_nll:start and run:vae_nll:started_low",
    keep_firing="10m",
    when="the NLL is suspiciously low, or a run from scratch starts below excellent: [check B](#check-b)",
    clears="10 minutes after; a low start after step $suspect_start",
    summary="""
        {{ with <<run:vae_nll:is_suspicious{@run}>> -}}
        Run {{ $labels.run }}: NLL [[value]] is suspiciously low. Check the outputs now: black, or one memorized clip?
        {{- else -}}
        Run {{ $labels.run }} started suspiciously low, at NLL [[value]]. Check the outputs. If it was resumed, pass
        start_step.
        {{- end }}
    """,
    description="""
        {{ with <<run:vae_nll:is_suspicious{@run}>> -}}
        The mean NLL of the last 100 steps is [[value]]
        {{- with <<run:vae_nll:edge_suspicious{@run}>> }}, below [[first %.3g]] (suspicious). No model is that good on
        real video{{ end }}
        [[step]]
        {{- else -}}
        The first NLL of this run was [[value]]
        {{- with <<run:vae_nll:edge_excellent_min{@run}>> }}, below [[first %.3g]] (excellent). A model trained from
        scratch does
        not start there: it was pretrained, the clips are very easy, or the loss or its scale is wrong{{ end }}
        {{- with <<run:vae_step:max{@run}>> }}. The run is at step [[first %.0f]]{{ end }}
        {{- end }}
        [[learning rate]].
        {{- with <<run:vae_reconstruction_contrast:ratio{@run}>> }}
        {{- $contrast := . | first | value }}
        The outputs have {{ printf "%.2f" $contrast }} of the contrast of the inputs:
        {{- if lt $contrast $flat }} a black or gray screen. If the inputs are not flat, the model has collapsed: stop
        the run.
        {{- else if gt $contrast $sharp_contrast }} not a black screen. The model has most likely memorized its clips:
        try it on others.
        {{- else }} much of it is lost. Look at them.
        {{- end }}
        {{- else }}
        Black or gray outputs mean collapse; perfect ones mean memorized clips, so try the model on others.
        observe_reconstruction would measure the contrast.
        {{- end }}
    """,
    dashboard=run_dashboard("run:vae_nll:mean{@run}"),
)

NEVER_GOOD = Alert(
    "VaeNllNeverGood",
    "ticket",
    "run:vae_nll:mean and run:vae_nll:was_never_good",
    when="$never_good steps of this process, and the NLL was never good",
    clears="with the first good 10 steps",
    summary="""
        Run {{ $labels.run }} was not good within $never_good steps: NLL [[value]]. Check whether it still falls, or
        set band_edges.
    """,
    description="""
        The mean NLL of the last 100 steps is [[value]], and no mean over 10 steps was at or below
        {{- with <<run:vae_nll:edge_good_max{@run}>> }} [[first %.3g]] (good){{ end }} so far. Either the run does not
        converge,
        or the bands do not fit the scale of its loss: they fit 10 * mse + 1 * LPIPS, as means over pixels. For
        another scale,
        pass band_edges to TrainingExporter.
    """,
    dashboard=run_dashboard("run:vae_nll:mean{@run}"),
)

UNJUDGED = Alert(
    "VaeRunUnjudged",
    "ticket",
    "run:vae_step:since_start and run:vae_run:is_unjudged",
    hold="1m",
    when="$unjudged observed steps, and no mean NLL within 10 minutes; for 1 minute",
    clears="with the first mean",
    summary="""
        Run {{ $labels.run }} is not judged: no alert fires if it diverges.
        {{- with <<last_over_time(vae_loss{@run,component="nll",split="train"}[2m])>> }} Pass observe() a step that
        does not restart each epoch.
        {{- else }} Pass nll= to observe().
        {{- end }}
    """,
    description="""
        {{ with <<run:vae_steps:total{@run}>> -}} It observed [[first %.0f]] steps, and there is no mean NLL over 100
        of them. {{ end -}}
        {{ with <<last_over_time(vae_loss{@run,component="nll",split="train"}[2m])>> -}}
        The NLL arrives, but the step falls back before 100 steps are over, as where it is counted within an epoch, or
        the NLL
        comes less often than every 200 steps.
        {{- else -}}
        No NLL arrives: nll= is missing, or its values cannot be recorded.
        {{- with <<sum(last_over_time(vae_exporter_dropped_observations_total{@run}[2m])) > 0>> }} [[first %.0f]]
        values were dropped: the trainer's log says why.{{ end }}
        {{- end }}
    """,
    dashboard=run_dashboard("vae_loss{@run}"),
)
