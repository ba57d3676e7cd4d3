"""What the rules look at, check by check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_dashboards.looks import dashed, fixed, logarithmic
from vae_dashboards.meanings import (
    BLUE,
    GRAY,
    HOLDS,
    RED,
    RISES,
)
from vae_dashboards.panels import Words, curves, number, stacked, states
from vae_dashboards.queries import Query, edge, of_rank, of_run
from vae_dashboards.run import no_data
from vae_exporter.vocabulary import NLL_PARTS

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import timeseries

    from vae_dashboards.board import Panels


def the_sum() -> Panels:
    """Return check A: what the NLL is made of."""
    return [
        stacked(
            Words(
                "Contributions to the NLL",
                "Weight times the mean over 100 steps, on top of each other. The part that grew most made the NLL "
                "rise: rec fails at colours and shapes, perception sees grids and noise.",
                no_data.WEIGHTS,
            ),
            "none",
            [
                Query(
                    of_run("run_component:vae_loss:contribution", component=f"=~{'|'.join(NLL_PARTS)}"),
                    "{{component}}",
                )
            ],
        ),
        curves(
            Words(
                "Residual of the sum",
                "What of the NLL its weighted parts leave unexplained, relative to it. Far from 0 for long: a loss or "
                "a "
                "weight is not what it says.",
                no_data.WEIGHTS,
            ),
            "percentunit",
            [Query(of_run("run:vae_nll_residual:ratio"), "{{run}}")],
            (6, 8),
        ),
        states(
            Words(
                "Cause of a rise",
                "Which part of the loss made the NLL rise. data: it is not the model, the probe did not get worse.",
                "None: the NLL does not rise.",
            ),
            RISES,
            [Query(f"group by (run, cause) ({of_run('run:vae_nll_rise_cause')})", "{{cause}} {{run}}")],
            (6, 8),
        ),
    ]


def stability() -> Panels:
    """Return check B: whether the NLL rises."""
    means = {"0": "mean", "100": "mean_before", "200": "mean_2_before", "300": "mean_3_before"}
    short_means = {"0": "short_mean", "10": "short_mean_before"}
    return [
        curves(
            Words(
                "NLL, all of it",
                "The means over 100 steps at their lags, by powers of ten. Healthy: they lie on each other. Rising: "
                "the newest (lag 0) is the highest.",
                no_data.HUNDRED_STEPS,
            ),
            "none",
            [
                *(
                    Query(of_run(f"run:vae_nll:{mean}"), f"{lag} steps ago {{{{run}}}}", mean)
                    for lag, mean in means.items()
                ),
                Query(of_run("run:vae_nll:best"), "best {{run}}", "best"),
            ],
        )
        .scale_distribution(logarithmic())
        .override_by_query("best", [*dashed(), fixed(GRAY)]),
        curves(
            Words(
                "Growth",
                "The newest 100 steps over those 300 steps before: above 1 it rises.",
                "No data yet: it comes with the first 400 steps.",
            ),
            "none",
            [
                Query(of_run("run:vae_nll_growth:ratio"), "{{run}}", "growth"),
                Query(of_run("run:vae_probe_growth:ratio"), "on the fixed clip {{run}}", "probe"),
            ],
            (6, 8),
        ).override_by_query("probe", dashed()),
        curves(
            Words(
                "Spikes",
                "The means over the newest 10 steps and over the 10 before. Both far above the rest: a spike. One "
                "alone: "
                "an outlier.",
                "No data yet: it comes with the first 10 steps.",
            ),
            "none",
            [
                Query(of_run(f"run:vae_nll:{mean}"), f"{lag} steps ago {{{{run}}}}", mean)
                for lag, mean in short_means.items()
            ],
            (6, 8),
        ),
        number(
            Words(
                "First NLL",
                "Of the first step that was seen. Very low at the start: black outputs, or a checkpoint that was "
                "trained before.",
                "No data yet.",
            ),
            "none",
            Query(f"max by (run) ({of_run('run:vae_nll:start')})"),
            decimals=3,
        ),
        number(
            Words("Best NLL", "The lowest mean over 100 steps of this process.", no_data.HUNDRED_STEPS),
            "none",
            Query(f"min by (run) ({of_run('run:vae_nll:best')})"),
            decimals=3,
        ),
        curves(
            Words("NaN and infinite losses", "By component. One of them is a page.", "No data yet."),
            "none",
            [
                Query(
                    f"sum by (run, component) (increase({of_rank('vae_nonfinite_losses_total')}[$__rate_interval]))",
                    "{{component}} {{run}}",
                )
            ],
            (16, 4),
            legend=False,
        ),
    ]


def confidence() -> Panels:
    """Return check C: whether the picture is as good as the NLL."""

    def ratio(title: str, description: str, name: str) -> timeseries.Panel:
        return curves(
            Words(title, description, no_data.RECONSTRUCTION),
            "percentunit",
            [
                Query(of_run(f"run:vae_reconstruction_{name}:ratio"), "{{run}}", "ratio"),
            ],
            (8, 8),
        )

    def component(name: str, description: str, *edges: str) -> timeseries.Panel:
        mean = of_run("vae_loss_window_mean", component=name, window="long", lag="0")
        panel = curves(
            Words(
                f"{name.capitalize()} and its edges",
                description,
                f"No data: observe {name}; it comes with the first 100 steps.",
            ),
            "none",
            [
                Query(f"avg by (run) ({mean})", "{{run}}", "mean"),
                *(Query(edge(side, signal=name), f"{side} {{{{run}}}}", side) for side in edges),
            ],
            (12, 7),
        )
        for side in edges:
            panel.override_by_query(side, [*dashed(), fixed(RED if side == "max" else BLUE)])
        return panel

    sharpness = ratio(
        "Sharpness", "The edges in the output over those in the input. 100 %: as sharp; lower: blurred.", "sharpness"
    )
    sharpness.with_target(Query(edge("min", signal="sharpness"), "edge {{run}}", "edge").over_time())
    sharpness.override_by_query("edge", [*dashed(), fixed(RED)])
    return [
        sharpness,
        ratio(
            "Contrast",
            "The spread of the output over that of the input. Near 0: black or gray. Near 100 % at a very low NLL: "
            "learned by heart.",
            "contrast",
        ),
        curves(
            Words(
                "PSNR",
                "The peak signal over the noise of the reconstruction: higher is nearer to the input.",
                no_data.RECONSTRUCTION,
            ),
            "dB",
            [Query(f"avg by (run) ({of_rank('vae_reconstruction_psnr_decibels')})", "{{run}}")],
            (8, 8),
        ),
        component(
            "rec",
            "The unweighted mean squared error over 100 steps, and the edges that it should keep within.",
            "max",
            "min",
        ),
        component(
            "perception",
            "The unweighted perceptual distance over 100 steps, and the edge below which it should stay.",
            "max",
        ),
        states(
            Words(
                "Why the picture is not trusted",
                "The NLL looks fine and something else does not. blurred: by the sharpness. averaged_colours: rec is "
                "very low and perception most of the sum. rec_hidden, perception_hidden: weights that hide a bad loss.",
                "Nothing: the picture looks as good as its NLL, or nothing is known of it.",
            ),
            HOLDS,
            [Query(f"group by (run, symptom) ({of_run('run:vae_confidence_gap')})", "{{symptom}} {{run}}")],
        ),
    ]


def latents() -> Panels:
    """Return the KL and the discriminator."""
    adversarial = of_rank("vae_loss_window_mean", component="=~generator|discriminator", window="long", lag="0")
    return [
        curves(
            Words(
                "KL",
                "The mean over 100 steps, its first value, and dashed its weighted part of the total, by powers of "
                "ten. Far below its first value: the latents collapse.",
                "No data: observe kl; it comes with the first 100 steps.",
            ),
            "none",
            [
                Query(
                    f"avg by (run) ({of_run('vae_loss_window_mean', component='kl', window='long', lag='0')})",
                    "{{run}}",
                    "mean",
                ),
                Query(f"avg by (run) ({of_run('vae_loss_start', component='kl')})", "first {{run}}", "first"),
                Query(of_run("run_component:vae_loss:contribution", component="kl"), "weighted {{run}}", "weighted"),
            ],
        )
        .scale_distribution(logarithmic())
        .override_by_query("first", [*dashed(), fixed(GRAY)])
        .override_by_query("weighted", dashed()),
        curves(
            Words(
                "Discriminator",
                "The losses of the adversarial part, and the factor by which it counts. When it starts, the NLL may "
                "rise for a while.",
                "No data: this run has no discriminator, or none is observed.",
            ),
            "none",
            [
                Query(
                    f"avg by (run, component) ({adversarial})",
                    "{{component}} {{run}}",
                    "losses",
                ),
                Query(f"max by (run) ({of_rank('vae_discriminator_factor')})", "factor {{run}}", "factor"),
            ],
        ).override_by_query("factor", dashed()),
    ]
