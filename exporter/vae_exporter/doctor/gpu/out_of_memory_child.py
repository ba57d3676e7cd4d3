"""The part of `out_of_memory` that runs in a new process. It prints the counts as JSON."""

from __future__ import annotations

import json
from contextlib import suppress

import torch

from vae_exporter.doctor.gpu.exporters import local_exporter
from vae_exporter.doctor.metrics import wait_for

_NAME = "vae_cuda_allocator_out_of_memory_total"


def main() -> None:
    """Run out of memory, and print the counts before and after it."""
    device = torch.device("cuda", 0)
    torch.ones(1, device=device)
    with local_exporter() as exporter:
        url = str(exporter.url)
        before = wait_for(url, "the allocator", lambda found: bool(found.of(_NAME))).total(_NAME)
        too_much = 2 * torch.cuda.get_device_properties(device).total_memory
        with suppress(torch.cuda.OutOfMemoryError):
            torch.empty(too_much, dtype=torch.uint8, device=device)
        after = wait_for(url, "the error", lambda found: found.total(_NAME) > before).total(_NAME)
    print(json.dumps({"before": before, "after": after}))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main()
