"""The optimizer, the speed and the GPU memory of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_dashboards.looks import dashed, fixed, logarithmic
from vae_dashboards.meanings import (
    RED,
)
from vae_dashboards.panels import SCIENTIFIC, Words, curves
from vae_dashboards.queries import Query, of_rank
from vae_dashboards.run import no_data

if TYPE_CHECKING:
    from vae_dashboards.board import Panels


def other_values() -> Panels:
    """Return the gauges that the trainer reports besides."""
    return [
        curves(
            Words(
                "Other values",
                "What the trainer reports with exporter.gauge(). No rule judges it.",
                "No data. Call exporter.gauge(name, value) to show a value here.",
            ),
            "none",
            [Query(f"max by (run, name) ({of_rank('vae_user_value')})", "{{name}}")],
            (24, 8),
        ),
    ]


def optimizer() -> Panels:
    """Return the learning rate, the gradient norm and the speed of the run."""
    return [
        curves(
            Words(
                "Learning rate",
                "The learning rate of the optimizer, on a log scale. It follows your schedule.",
                "Pass learning_rate to observe().",
            ),
            SCIENTIFIC,
            [Query(f"max by (run) ({of_rank('vae_learning_rate')})", "learning rate")],
            (8, 8),
        )
        .scale_distribution(logarithmic())
        .axis_width(80),
        curves(
            Words(
                "Gradient norm",
                "The gradient norm of each rank, on a log scale. It should settle after the warm-up. It often jumps "
                "before the loss does.",
                "Pass gradient_norm to observe().",
            ),
            "none",
            [Query(f"max by (run, rank) ({of_rank('vae_gradient_norm')})", "rank {{rank}}")],
            (8, 8),
        ).scale_distribution(logarithmic()),
        curves(
            Words(
                "Loss scale and skipped steps",
                "The loss scale, and the share of steps that the gradient scaler skipped: near 0 after the first "
                "steps.",
                "If the run uses a gradient scaler, pass loss_scale and skipped to observe().",
            ),
            "none",
            [
                Query(f"max by (run) ({of_rank('vae_loss_scale')})", "scale", "scale"),
                Query(
                    f"sum by (run) (rate({of_rank('vae_steps_skipped_total')}[$__rate_interval])) / sum by (run) "
                    f"(rate({of_rank('vae_steps_total')}[$__rate_interval]))",
                    "skipped",
                    "skipped",
                ),
            ],
            (8, 8),
        ),
        curves(
            Words(
                "Step time",
                "The mean and (dashed) the 99th percentile of the step time, without pauses. Both should be flat. The "
                "percentile is read from buckets, so it may be up to 1.5 times too high.",
                "It appears after the second step.",
            ),
            "s",
            [
                Query(
                    f"sum by (run) (rate({of_rank('vae_step_duration_seconds_sum')}[$__rate_interval])) / sum by "
                    f"(run) (rate({of_rank('vae_step_duration_seconds_count')}[$__rate_interval]))",
                    "mean",
                    "mean",
                ),
                Query(
                    f"histogram_quantile(0.99, sum by (run, le) "
                    f"(rate({of_rank('vae_step_duration_seconds_bucket')}[$__rate_interval])))",
                    "p99",
                    "slow",
                ),
            ],
        ).override_by_query("slow", dashed()),
        curves(
            Words(
                "Steps per hour",
                "The speed of each rank. Synchronized ranks are all as fast as the slowest.",
                "It appears after the second step.",
            ),
            "none",
            [
                Query(
                    f"3600 * sum by (run, rank) (rate({of_rank('vae_steps_total')}[$__rate_interval]))",
                    "rank {{rank}}",
                )
            ],
        ),
    ]


def memory() -> Panels:
    """Return the memory of the GPUs, and what uses it."""

    def layer(kind: str, stat: str) -> str:
        held = of_rank("vae_cuda_allocator_bytes", kind=kind, stat=stat)
        return f"max by (run) (sum by (run, gpu) ({held}))"  # ranks that share a GPU add up

    return [
        curves(
            Words(
                "Memory of the fullest GPU",
                "Memory allocated to tensors (dashed: its peak), reserved by torch, and used in total, below the size "
                "of the GPU in red. All should be flat after the first steps. The dashboard GPU memory shows each "
                "GPU.",
                no_data.GPU,
            ),
            "bytes",
            [
                Query(layer("allocated", "current"), "allocated", "allocated"),
                Query(layer("allocated", "peak"), "allocated, peak", "peak"),
                Query(layer("reserved", "current"), "reserved", "reserved"),
                Query(f"max by (run) ({of_rank('vae_gpu_memory_used_bytes')})", "used", "used"),
                Query(f"min by (run) ({of_rank('vae_gpu_memory_total_bytes')})", "GPU size", "total"),
            ],
            (16, 9),
        )
        .min(0)
        .override_by_query("peak", dashed())
        .override_by_query("total", [fixed(RED), *dashed(3)]),
        curves(
            Words(
                "Out of memory and retries",
                "Failed allocations, and allocations that torch retried after freeing its cache. Both should be 0.",
                no_data.GPU,
            ),
            "none",
            [
                Query(
                    f"sum by (run) (increase({of_rank('vae_cuda_allocator_out_of_memory_total')}[$__rate_interval]))",
                    "out of memory",
                    "oom",
                ),
                Query(
                    f"sum by (run) (increase({of_rank('vae_cuda_allocator_retries_total')}[$__rate_interval]))",
                    "retries",
                    "retries",
                ),
            ],
            (8, 9),
        ).axis_soft_max(1),
    ]
