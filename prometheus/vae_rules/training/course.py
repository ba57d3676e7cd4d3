"""Check B, the course of the NLL: a rise, a spike, a value that is too low, one that is never good, and none at all."""

from __future__ import annotations

from vae_rules.links import run_dashboard
from vae_rules.rule import Alert, Record, Section

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
            "Present while each of four long windows is above the one before and the newest $multiplied times the oldest",
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
            """
              run:vae_nll:lower_bound >= $doubled * run:vae_nll:held
            unless
              run:vae_nll:short_mean < $doubled * run:vae_nll:held
            unless
              (run:vae_nll:short_mean_before or run:vae_nll:mean_before_short) < $doubled * run:vae_nll:held
            and
              (run:vae_nll:mean > run:vae_nll:edge_good_max or run:vae_nll:bands_unfit)
            unless
              run:vae_nll:is_falling
            """,
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
              max by (run) (last_over_time(vae_run_pretrained[2m])) == 1
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
            """,
            "Present for a run that made $unjudged steps and has no mean NLL",
        ),
        Record(
            "run:vae_nll:is_sparse",
            "run:vae_loss_window:steps >= $sparse_window",
            "Present for a run that reports its NLL so seldom that a long window is $sparse_window steps",
        ),
        Record(
            "run_rank:vae_nll:stands_out",
            """
              run_rank:vae_nll:lower_bound
            >= on (run) group_left ()
              $rank_multiplied * quantile by (run) (0.5, run_rank:vae_nll:lower_bound)
            and on (run)
              count by (run) (run_rank:vae_nll:lower_bound) >= 3
            """,
            "Present while the NLL of one of at least three ranks is $rank_multiplied times their median",
        ),
    ),
)

RISING = Alert(
    "VaeNllRising",
    "ticket",
    "run:vae_nll:mean and (run:vae_nll:is_climbing or run:vae_nll:is_exploding or run:vae_nll:has_doubled)",
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
        (TrainingExporter(loss=..., loss_weights=...)) or its band_edges, an NLL at $doubled times the level that it held
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
        {{- with <<quantile by (run) (0.5, run_rank:vae_nll:lower_bound{@run})>> }}, and the median of the ranks
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
