"""Checks that an out-of-memory error is counted in the metrics. A new process causes one on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter.doctor.finding import Finding
from vae_exporter.doctor.gpu.children import answer_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

CHECK = "out of memory"


def check(_device: torch.device) -> Iterator[Finding]:
    """Yield the counts before and after the error."""
    answer = answer_of("vae_exporter.doctor.gpu.out_of_memory_child")
    for when, expected in (("before", 0), ("after", 1)):
        what = f"vae_cuda_allocator_out_of_memory_total {when} an allocation that cannot succeed"
        yield Finding(CHECK, what, f"{answer[when]:.0f}", f"{expected}", passed=answer[when] == expected)
