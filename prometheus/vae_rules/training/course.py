"""Check B, the course of the NLL: it rises, spikes, is too low, is never good, or is missing."""

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
            "Present while each of the last four 100-step means is above the one before, and the newest is at least "
            "$multiplied times the oldest",
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
            "Present while the NLL is at least $multiplied times its best, above good, and above the 100 steps before",
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
            "Present while the last 10 steps and the 10 before are each at least $doubled times the 100 steps before",
            why="A single outlier falls into only one of the two.",
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
            "Present for the first $suspect_start steps of a run that started below excellent and was not resumed",
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
            "Present for a run that has made $unjudged steps and has no mean NLL",
        ),
    ),
)

RISING = Alert(
    "VaeNllRising",
    "ticket",
    "run:vae_nll:mean and (run:vae_nll:is_climbing or run:vae_nll:is_exploding)",
    keep_firing="10m",
    when="the NLL rises over 400 steps or explodes: [check B](#check-b)",
    clears="10 minutes after",
    summary="""
        {{ with <<run:vae_nll_rise_cause{@run,cause="data"}>> -}}
        Run {{ $labels.run }}: the NLL rose to [[value]] but the probe did not: hard data. If the outputs look good,
        let it run.
        {{- else -}}
        Run {{ $labels.run }}: the NLL rose to [[value]]. Check the outputs and keep the last good checkpoint.
        {{- end }}
    """,
    description="""
        The mean NLL of the last 100 steps is [[value]]
        {{- with <<run:vae_nll_growth:ratio{@run} >= $multiplied>> }}, [[first %.2g]] times the mean 300 steps
        earlier
        {{- else }}{{ with <<run:vae_nll:best{@run}>> }}, at least $multiplied times its best ([[first %.3g]]){{ end }}
        {{- end }}
        [[step]]
        [[learning rate]].
        {{- with <<run:vae_nll_rise_cause{@run,cause="data"}>> }}
        [[hard data]]
        {{- else }}
        [[part that grew]]
        [[discriminator]]. A rise is common then and usually settles within a few hundred steps.{{ end }}
        If the rise continues, the run will soon be bad. Keep a copy of the last checkpoint before the rise, and resume
        from it with a lower learning rate.
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
    when="the NLL is at least $doubled times its level before, for 20 steps: [check B](#check-b)",
    clears="10 minutes after",
    summary="""
        Run {{ $labels.run }}: the NLL spiked to [[value]], at least $doubled times its previous level. Check that it
        recovers.
    """,
    description="""
        The mean NLL of the last 10 steps is [[value]]
        {{- with <<run:vae_nll:mean_before{@run}>> }}; 100 steps ago, the 100-step mean was [[first %.3g]]{{ end }}
        [[step]]
        [[learning rate]].
        [[discriminator]]. A rise is common then and usually settles within a few hundred steps.{{ end }}
        A single bad batch does not last 20 steps. After a few hard clips the NLL recovers; after an update that was too
        large it does not. If it stays high for 100 steps, check the outputs, the gradient norm and the clips of these
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
    clears="10 minutes after; for a low start, 10 minutes after step $suspect_start",
    summary="""
        {{ with <<run:vae_nll:is_suspicious{@run}>> -}}
        Run {{ $labels.run }}: NLL [[value]] is suspiciously low. Check the outputs for black frames or a memorized
        clip.
        {{- else -}}
        Run {{ $labels.run }} started at NLL [[value]], which is suspiciously low. Check the outputs; if it was resumed,
        pass start_step.
        {{- end }}
    """,
    description="""
        {{ with <<run:vae_nll:is_suspicious{@run}>> -}}
        The mean NLL of the last 100 steps is [[value]]
        {{- with <<run:vae_nll:edge_suspicious{@run}>> }}, below [[first %.3g]] (suspicious){{ end }}
        [[step]]
        {{- else -}}
        The first NLL of this run was [[value]]
        {{- with <<run:vae_nll:edge_excellent_min{@run}>> }}, below [[first %.3g]] (excellent){{ end }}
        {{- with <<run:vae_step:max{@run}>> }}; the run is now at step [[first %.0f]]{{ end }}
        {{- end }}
        [[learning rate]].
        {{- with <<run:vae_nll:is_suspicious{@run}>> }} No model is that good on real video.
        {{- else }} A model trained from scratch does not start this low: it was pretrained, the clips are very easy,
        or the
        loss or its scale is wrong.
        {{- end }}
        {{- with <<run:vae_reconstruction_contrast:ratio{@run}>> }}
        {{- $contrast := . | first | value }}
        The outputs have {{ printf "%.2f" $contrast }} of the contrast of the inputs:
        {{- if lt $contrast $flat }} a black or gray screen. If the inputs are not flat, the model has collapsed. Stop
        the
        run.
        {{- else if gt $contrast $sharp_contrast }} not a black screen. The model has most likely memorized its clips.
        Try
        it on others.
        {{- else }} much of it is lost. Check the outputs.
        {{- end }}
        {{- else }}
        Black or gray outputs mean collapse. Perfect outputs mean memorized clips: try the model on others. Call
        observe_reconstruction to measure the contrast.
        {{- end }}
    """,
    dashboard=run_dashboard("run:vae_nll:mean{@run}"),
)

NEVER_GOOD = Alert(
    "VaeNllNeverGood",
    "ticket",
    "run:vae_nll:mean and run:vae_nll:was_never_good",
    when="the NLL has not been good in the first $never_good steps of this process",
    clears="when the mean of 10 steps is good",
    summary="""
        Run {{ $labels.run }} has not reached a good NLL in $never_good steps (now [[value]]). Check whether it still
        falls,
        or set band_edges.
    """,
    description="""
        The mean NLL of the last 100 steps is [[value]], and no mean of 10 steps has been good so far
        {{- with <<run:vae_nll:edge_good_max{@run}>> }} ([[first %.3g]] or less){{ end }}. Either the run does not
        converge,
        or the bands do not fit the scale of its loss. The default bands fit 10 * mse + 1 * LPIPS, as means over pixels;
        for another scale, pass band_edges to TrainingExporter.
    """,
    dashboard=run_dashboard("run:vae_nll:mean{@run}"),
)

UNJUDGED = Alert(
    "VaeRunUnjudged",
    "ticket",
    "run:vae_step:since_start and run:vae_run:is_unjudged",
    hold="1m",
    when="$unjudged steps were observed, but there is no mean NLL within 10 minutes; for 1 minute",
    clears="when there is a mean",
    summary="""
        Run {{ $labels.run }} is not judged, so no alert fires if it diverges.
        {{- with <<last_over_time(vae_loss{@run,component="nll",split="train"}[2m])>> }} Pass observe() a step that
        does not restart each epoch.
        {{- else }} Pass nll= to observe().
        {{- end }}
    """,
    description="""
        {{ with <<run:vae_steps:total{@run}>> -}} It observed [[first %.0f]] steps but has no mean NLL of
        100 steps. {{ end -}}
        {{ with <<last_over_time(vae_loss{@run,component="nll",split="train"}[2m])>> -}}
        The NLL arrives, but either the step goes back before 100 steps are over, as when it is counted per epoch, or
        the
        NLL is reported less than once in 200 steps.
        {{- else -}}
        No NLL arrives: nll= is missing, or its values cannot be recorded.
        {{- with <<sum(last_over_time(vae_exporter_dropped_observations_total{@run}[2m])) > 0>> }} [[first %.0f]]
        observations were dropped; the trainer's log has the reason.{{ end }}
        {{- end }}
    """,
    dashboard=run_dashboard("vae_loss{@run}"),
)
