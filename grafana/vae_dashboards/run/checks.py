"""The signals behind the verdict, by check."""

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
from vae_dashboards.queries import Query, edge, of_rank, of_run, or_none, window_mean
from vae_dashboards.run import no_data
from vae_exporter.vocabulary import COMPONENTS, NLL_PARTS

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import timeseries

    from vae_dashboards.board import Panels


def the_sum() -> Panels:
    """Return check A: the parts of the NLL."""
    return [
        stacked(
            Words(
                "Contributions to the NLL",
                "The weighted parts of the NLL, stacked: means of the last 100 steps. If the NLL rises, the part that "
                f"grew most is the cause: {'; '.join(f'{part} if {COMPONENTS[part].failure}' for part in NLL_PARTS)}.",
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
                "The share of the NLL that its weighted parts do not explain, at most 100 %. It should be near 0. "
                "Otherwise a loss or a weight is reported incorrectly.",
                no_data.WEIGHTS,
            ),
            "percentunit",
            [Query(f"clamp_max({of_run('run:vae_nll_residual:ratio')}, 1)", "residual")],
            (6, 8),
        ).axis_soft_max(0.2),
        states(
            Words(
                "Cause of a rise",
                "The part of the loss that made the NLL rise. data: the probe clip did not get worse, so the cause is "
                "the data and not the model.",
                "The NLL is not rising.",
            ),
            [RISES],
            [Query(or_none(f"group by (run, cause) ({of_run('run:vae_nll_rise_cause')})", "cause"), "{{cause}}")],
            (6, 8),
        ),
    ]


def stability() -> Panels:
    """Return check B: whether the NLL rises, explodes or spikes."""
    short_means = {"0": "short_mean", "10": "short_mean_before"}
    return [
        curves(
            Words(
                "Growth",
                "The mean NLL of the last 100 steps, divided by that of 300 steps earlier (dashed: on the probe clip). "
                "Up to about 1 is good.",
                "It appears after the first 400 steps.",
            ),
            "none",
            [
                Query(of_run("run:vae_nll_growth:ratio"), "training", "growth"),
                Query(of_run("run:vae_probe_growth:ratio"), "probe", "probe"),
            ],
        ).override_by_query("probe", dashed()),
        curves(
            Words(
                "Spikes",
                "The mean NLL of the last 10 steps and of the 10 steps before. Both far above the rest are a spike, "
                "one is an outlier.",
                "It appears after the first 10 steps.",
            ),
            "none",
            [Query(of_run(f"run:vae_nll:{mean}"), f"{lag} steps ago", mean) for lag, mean in short_means.items()],
        ),
        number(
            Words(
                "First NLL",
                "The first NLL of this process. A very low one means black outputs or a model that is already trained.",
                "After the first step",
            ),
            "none",
            Query(f"max by (run) ({of_run('run:vae_nll:start')})"),
            size=(4, 6),
            decimals=3,
        ),
        number(
            Words("Best NLL", "The lowest mean of 100 steps in this process.", no_data.AFTER_HUNDRED_STEPS),
            "none",
            Query(f"min by (run) ({of_run('run:vae_nll:best')})"),
            size=(4, 6),
            decimals=3,
        ),
        curves(
            Words(
                "NaN and infinite losses",
                "By component. A single one pages; should be 0.",
                "It appears after the first step.",
            ),
            "none",
            [
                Query(
                    f"sum by (run, component) (increase({of_rank('vae_nonfinite_losses_total')}[$__rate_interval]))",
                    "{{component}}",
                )
            ],
            (16, 6),
        ).axis_soft_max(1),
    ]


def confidence() -> Panels:
    """Return check C: whether the reconstructions are as good as the NLL."""

    def ratio(title: str, description: str, name: str) -> timeseries.Panel:
        return curves(
            Words(title, description, no_data.RECONSTRUCTION),
            "percentunit",
            [
                Query(of_run(f"run:vae_reconstruction_{name}:ratio"), title.lower(), "ratio"),
            ],
            (8, 8),
        )

    def component(name: str, description: str, *edges: str) -> timeseries.Panel:
        panel = curves(
            Words(
                f"{name.capitalize()} and its edges",
                description,
                f"Pass {name} to observe(). It appears after 100 steps.",
            ),
            "none",
            [
                Query(f"avg by (run) ({window_mean(name)})", name, "mean"),
                *(Query(edge(side, signal=name), f"{side}", side) for side in edges),
            ],
            (12, 7),
        )
        for side in edges:
            panel.override_by_query(side, [*dashed(), fixed(RED if side == "max" else BLUE)])
        return panel

    sharpness = ratio(
        "Sharpness",
        "The gradients of the outputs relative to the inputs. 100 % is as sharp as the input. Below the dashed edge, "
        "the outputs are blurred.",
        "sharpness",
    )
    sharpness.with_target(Query(edge("min", signal="sharpness"), "edge", "edge").over_time())
    sharpness.override_by_query("edge", [*dashed(), fixed(RED)])
    return [
        sharpness,
        ratio(
            "Contrast",
            "The contrast of the outputs relative to the inputs. Near 100 % is good, near 0 is black or gray. Near "
            "100 % with a very low NLL means memorized clips.",
            "contrast",
        ),
        curves(
            Words(
                "PSNR",
                "The peak signal-to-noise ratio of the reconstructions. Higher is closer to the inputs.",
                no_data.RECONSTRUCTION,
            ),
            "dB",
            [Query(f"avg by (run) ({of_rank('vae_reconstruction_psnr_decibels')})", "PSNR")],
            (8, 8),
        ),
        component(
            "rec",
            "The unweighted mean squared error, the mean of the last 100 steps. It should stay between the dashed "
            "edges.",
            "max",
            "min",
        ),
        component(
            "perception",
            "The unweighted perceptual distance, the mean of the last 100 steps. It should stay below the dashed edge.",
            "max",
        ),
        states(
            Words(
                "Confidence gap",
                "The reconstructions look worse than the NLL suggests. blurred: the sharpness is low. "
                "averaged_colours: rec is very low and perception dominates the sum. rec_hidden, perception_hidden: a "
                "loss is high, but its weight hides it.",
                "The reconstructions look as good as the NLL suggests, or were not reported.",
            ),
            [HOLDS],
            [
                Query(
                    or_none(f"group by (run, symptom) ({of_run('run:vae_confidence_gap')})", "symptom"),
                    "{{symptom}}",
                )
            ],
        ),
    ]


def latents() -> Panels:
    """Return the KL and the discriminator."""
    adversarial = window_mean("=~generator|discriminator", of_rank)
    return [
        curves(
            Words(
                "KL",
                "The mean KL of the last 100 steps, on a log scale. Dashed: its first value, and its weighted share "
                "of the total. Far below its first value, the posterior has collapsed.",
                "Pass kl to observe(). It appears after 100 steps.",
            ),
            "none",
            [
                Query(
                    f"avg by (run) ({window_mean('kl')})",
                    "KL",
                    "KL",
                ),
                Query(f"avg by (run) ({of_run('vae_loss_start', component='kl')})", "first", "first"),
                Query(of_run("run_component:vae_loss:contribution", component="kl"), "weighted", "weighted"),
            ],
        )
        .scale_distribution(logarithmic())
        .override_by_query("first", [*dashed(), fixed(GRAY)])
        .override_by_query("weighted", dashed()),
        curves(
            Words(
                "Discriminator",
                "The adversarial losses, and (dashed) the discriminator factor. The NLL may rise for a while after the "
                "discriminator starts.",
                "If the run has a discriminator, pass generator, discriminator and discriminator_factor to observe().",
            ),
            "none",
            [
                Query(
                    f"avg by (run, component) ({adversarial})",
                    "{{component}}",
                    "losses",
                ),
                Query(f"max by (run) ({of_rank('vae_discriminator_factor')})", "factor", "factor"),
            ],
        ).override_by_query("factor", dashed()),
    ]
