"""Check B, the course of the NLL: it rises, spikes, is too low, is never good, or is missing."""

from __future__ import annotations

from vae_rules.links import run_dashboard
from vae_rules.rule import Alert, Record, Section
from vae_rules.training.divergence import times_held

RECORDS = Section(
    "Check B: the course of the NLL",
    (
        Record(
            "run:vae_nll:is_raised",
            "run:vae_nll:mean > run:vae_nll:edge_excellent_max or run:vae_nll:bands_unfit",
            "Present while the NLL is above excellent, or the bands do not fit it",
        ),
        Record(
            "run:vae_nll:is_climbing",
            """
              run:vae_nll:lower_bound >= $multiplied * run:vae_nll:mean_3_before
            and
              run:vae_nll:mean > run:vae_nll:mean_before
            and
              run:vae_nll:mean_before > run:vae_nll:mean_2_before
            and
              run:vae_nll:mean_2_before > run:vae_nll:mean_3_before
            and
              run:vae_nll:is_raised
            """,
            "Present while each of four long windows is above the one before, and the newest $multiplied times the "
            "oldest",
        ),
        Record(
            "run:vae_nll:is_exploding",
            """
              run:vae_nll:has_multiplied
            and
              run:vae_nll:mean > run:vae_nll:edge_good_max
            and
              run:vae_nll:mean > run:vae_nll:mean_before
            unless
              run:vae_nll:short_mean < $multiplied * run:vae_nll:level
            unless
              (run:vae_nll:short_mean_before or run:vae_nll:mean_before_short) < $multiplied * run:vae_nll:level
            unless
              run:vae_nll:bands_unfit
            """,
            "Present while the NLL is $multiplied times its level, above good, and above the long window before",
        ),
        Record(
            "run:vae_nll:has_doubled",
            times_held("$doubled") + "unless\n  run:vae_nll:is_falling",
            "Present while the NLL is at least $doubled times the level that it held, and not good or falling",
        ),
        Record(
            "run:vae_nll:is_spiking",
            """
              run:vae_nll:short_mean >= $doubled * run:vae_nll:mean_before
            and
              run:vae_nll:short_mean_before >= $doubled * run:vae_nll:mean_before
            and
              (run:vae_nll:short_mean > run:vae_nll:edge_excellent_max or run:vae_nll:bands_unfit)
            """,
            "Present while the last two short windows are both $doubled times the long window before",
            why="An outlier is in one of the two only.",
        ),
        Record(
            "run:vae_nll:is_suspicious",
            "run:vae_nll:mean < run:vae_nll:edge_suspicious unless run:vae_nll:bands_unfit",
            "Present while the NLL has fallen suspiciously low",
        ),
        Record(
            "run:vae_nll:started_low",
            """
              run:vae_nll:start < run:vae_nll:edge_excellent_min
            and
              run:vae_nll:highest
            and
              run:vae_step:since_start < $suspect_start
            unless
              run:vae_run:resumed
            unless
              run:vae_run:pretrained
            unless
              run:vae_nll:bands_unfit
            """,
            "Present for the first $suspect_start steps of a run from scratch that began below excellent",
        ),
        Record(
            "run:vae_run:is_unjudged",
            """
              run:vae_steps:total >= $unjudged
            unless
              run:vae_step:since_start < 2 * run:vae_loss_window:steps
            unless
              last_over_time(run:vae_nll:mean[10m])
            unless
              run:vae_loss_nonfinite:bool == 1
            unless
              run:vae_exporter:is_misfit
            """,
            "Present for a run that has made $unjudged steps and has no mean NLL",
        ),
        Record(
            "run:vae_nll:is_sparse",
            "run:vae_loss_window:steps >= $sparse_window",
            "Present for a run that reports its NLL so seldom that a long window is $sparse_window steps",
        ),
        Record(
            "run_rank:vae_nll:stands_out",
            "run_rank:vae_nll:lower_bound and run_rank:vae_nll:ratio_to_median >= $rank_multiplied",
            "Present while the NLL of one of at least three ranks is $rank_multiplied times their median",
        ),
    ),
)

RISING = Alert(
    "VaeNllRising",
    "ticket",
    "run:vae_nll:mean and (run:vae_nll:is_climbing or run:vae_nll:is_exploding or run:vae_nll:has_doubled)",
    keep_firing="10m",
    when="the NLL rises over four long windows, explodes, or doubles: [check B](#check-b)",
    clears="10 minutes after",
    summary="""
        {{ with <<run:vae_nll_rise_cause{@run,cause="data"}>> -}}
        Run {{ $labels.run }}: the NLL rose to [[value]]
        {{- with <<run:vae_probe:is_calm{@run}>> }} but the probe did not{{ else }}
        [[as the run before]]{{ end }}: hard data. If the outputs look good, let it run.
        {{- else -}}
        Run {{ $labels.run }}: the NLL rose to [[value]]
        [[the run before]]. Check the outputs and keep the last good checkpoint.
        {{- end }}
    """,
    description="""
        The mean NLL
        [[last steps]] is [[value]]
        [[level]]
        [[step]]
        [[learning rate]].
        [[judged]]
        {{- with <<run:vae_nll_rise_cause{@run,cause="data"}>> }}
        [[hard data]]
        {{- else }}
        [[part that grew]]
        [[groups]]
        [[changes]]
        If the rise continues, the run will soon be bad. Keep a copy of the last checkpoint before the rise, and resume
        from it with a lower learning rate.
        [[no group]]
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
    when="the NLL is at least $doubled times the long window before, over two short windows: [check B](#check-b)",
    clears="10 minutes after",
    summary="""
        Run {{ $labels.run }}: the NLL spiked to [[value]], at least $doubled times the mean before. Check that it
        recovers.
    """,
    description="""
        The mean NLL of the last short window is [[value]]
        {{- with <<run:vae_nll:mean_before{@run}>> }}; over the long window before, it was [[first %.3g]]{{ end }}
        [[step]]
        [[learning rate]].
        [[changes]]
        A single bad batch does not last two windows. After a few hard clips the NLL recovers; after an update that was
        too
        large it does not. If it stays high, check the outputs, the gradient norm and the clips of these
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
        The mean NLL
        [[last steps]] is [[value]]
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

BANDS_UNFIT = Alert(
    "VaeBandsUnfit",
    "ticket",
    "run:vae_nll:mean and run:vae_nll:bands_unfit unless run:vae_nll:has_declared_scale",
    when="the NLL never reached $nll_suspicious, was never good within $never_good steps, or held a level above "
    "$off_scale: the bands do not fit its scale",
    clears="when the bands fit",
    summary="""
        Run {{ $labels.run }}: the bands do not fit NLL [[value]]. It is judged by multiples of its own level. Set
        band_edges or loss.
    """,
    description="""
        The mean NLL is [[value]]
        [[step]].
        {{- with <<run:vae_nll:was_never_good{@run}>> }} It was never at or below
        {{- with <<run:vae_nll:edge_good_max{@run}>> }} [[first %.3g]] (good){{ end }} within $never_good steps: the run
        does not converge, or its loss has another scale.
        {{- else }} Its loss has another scale than the bands.
        {{- end }}
        They fit 10 * mse + 1 * LPIPS as means over pixels. Until you declare the loss
        (TrainingExporter(loss=..., loss_weights=...)) or its band_edges, an NLL at $doubled times the level that it
        held
        is a ticket and $quadrupled times a page.
    """,
    dashboard=run_dashboard("run:vae_nll:mean{@run}"),
)

SPARSE = Alert(
    "VaeLossSparse",
    "ticket",
    "run:vae_nll:is_sparse",
    when="the NLL is reported so seldom that 1,000 steps hold fewer than 20 values",
    clears="when it is reported more often",
    summary="""
        Run {{ $labels.run }} reports its NLL too seldom: a page comes thousands of steps late. Call observe() at each
        step.
    """,
    description="""
        A mean needs 20 values, and the NLL of this run is reported so seldom that it takes {{ printf "%.0f" $value }}
        steps to collect them. A divergence pages only after most of them. observe() takes microseconds and never waits
        for the GPU: call it at every step.
    """,
    dashboard=run_dashboard("run:vae_nll:mean{@run}"),
)

RANK_STANDS_OUT = Alert(
    "VaeRankDiverged",
    "ticket",
    "run_rank:vae_nll:stands_out",
    keep_firing="10m",
    when="the NLL of one of at least three ranks is $rank_multiplied times their median",
    clears="10 minutes after",
    summary="""
        Run {{ $labels.run }}: rank {{ $labels.rank }} alone has NLL [[value]]. Check its GPU, its data and whether its
        gradients are reduced.
    """,
    description="""
        The mean NLL of rank {{ $labels.rank }} is at least [[value]]
        {{- with <<run:vae_nll:median{@run}>> }}, and the median of the ranks
        [[first %.3g]]{{ end }}
        [[step]]. The ranks share their weights: either the rank reads other data, or its GPU computes wrongly, or its
        weights are no longer those of the others.
        [[gpu error]]
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
