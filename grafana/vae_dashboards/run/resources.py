"""What the run uses, and how fast it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_dashboards.looks import dashed, fixed, logarithmic
from vae_dashboards.meanings import (
    RED,
)
from vae_dashboards.panels import Words, curves
from vae_dashboards.queries import Query, of_rank
from vae_dashboards.run import no_data

if TYPE_CHECKING:
    from vae_dashboards.board import Panels


def optimizer() -> Panels:
    """Return the learning rate, the gradient, and how fast the run is."""
    return [
        curves(
            Words("Learning rate", "As the optimizer uses it, by powers of ten.", "No data: observe learning_rate."),
            "none",
            [Query(f"max by (run) ({of_rank('vae_learning_rate')})", "{{run}}")],
            (8, 8),
        ).scale_distribution(logarithmic()),
        curves(
            Words(
                "Gradient norm",
                "Of each rank, by powers of ten. It often jumps before the loss does.",
                "No data: observe gradient_norm.",
            ),
            "none",
            [Query(f"max by (run, rank) ({of_rank('vae_gradient_norm')})", "rank {{rank}} {{run}}")],
            (8, 8),
        ).scale_distribution(logarithmic()),
        curves(
            Words(
                "Loss scale and skipped steps",
                "The gradient scaler's factor, and the part of the steps that it skipped.",
                "No data: this run scales no loss, or observes no loss_scale.",
            ),
            "none",
            [
                Query(f"max by (run) ({of_rank('vae_loss_scale')})", "scale {{run}}", "scale"),
                Query(
                    f"sum by (run) (rate({of_rank('vae_steps_skipped_total')}[$__rate_interval])) / sum by (run) "
                    f"(rate({of_rank('vae_steps_total')}[$__rate_interval]))",
                    "skipped {{run}}",
                    "skipped",
                ),
            ],
            (8, 8),
        ),
        curves(
            Words(
                "Step time",
                "The mean and the 99th percentile of a step; pauses are left out.",
                "No data yet: it comes with the second step.",
            ),
            "s",
            [
                Query(
                    f"sum by (run) (rate({of_rank('vae_step_duration_seconds_sum')}[$__rate_interval])) / sum by "
                    f"(run) (rate({of_rank('vae_step_duration_seconds_count')}[$__rate_interval]))",
                    "mean {{run}}",
                    "mean",
                ),
                Query(
                    f"histogram_quantile(0.99, sum by (run, le) "
                    f"(rate({of_rank('vae_step_duration_seconds_bucket')}[$__rate_interval])))",
                    "99 % {{run}}",
                    "slow",
                ),
            ],
        ).override_by_query("slow", dashed()),
        curves(
            Words(
                "Steps an hour",
                "Of each rank. Ranks that wait for each other are as fast as the slowest.",
                "No data yet.",
            ),
            "none",
            [
                Query(
                    f"3600 * sum by (run, rank) (rate({of_rank('vae_steps_total')}[$__rate_interval]))",
                    "rank {{rank}} {{run}}",
                )
            ],
        ),
    ]


def memory() -> Panels:
    """Return the memory of the card, and what fills it."""

    def layer(kind: str, stat: str) -> str:
        held = of_rank("vae_cuda_allocator_bytes", kind=kind, stat=stat)
        return f"max by (run) (sum by (run, gpu) ({held}))"  # ranks that share a card have each their own

    return [
        curves(
            Words(
                "Memory of the fullest card",
                "Of the chosen ranks. Allocated is what the model needs; reserved is what torch keeps; its peak "
                "decides whether the next step fits. Each card on its own: dashboard GPU memory.",
                no_data.GPU,
            ),
            "bytes",
            [
                Query(layer("allocated", "current"), "allocated {{run}}", "allocated"),
                Query(layer("allocated", "peak"), "allocated, peak {{run}}", "peak"),
                Query(layer("reserved", "current"), "reserved {{run}}", "reserved"),
                Query(f"max by (run) ({of_rank('vae_gpu_memory_used_bytes')})", "used {{run}}", "used"),
                Query(f"min by (run) ({of_rank('vae_gpu_memory_total_bytes')})", "the card {{run}}", "total"),
            ],
            (16, 9),
        )
        .min(0)
        .override_by_query("peak", dashed())
        .override_by_query("total", [fixed(RED), *dashed(3)]),
        curves(
            Words(
                "Out of memory and retries",
                "Allocations that failed, and those that needed torch to free its cache first.",
                no_data.GPU,
            ),
            "none",
            [
                Query(
                    f"sum by (run) (increase({of_rank('vae_cuda_allocator_out_of_memory_total')}[$__rate_interval]))",
                    "out of memory {{run}}",
                    "oom",
                ),
                Query(
                    f"sum by (run) (increase({of_rank('vae_cuda_allocator_retries_total')}[$__rate_interval]))",
                    "retries {{run}}",
                    "retries",
                ),
            ],
            (8, 9),
        ),
    ]
