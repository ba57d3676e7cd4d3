"""The part of `uuids` that runs in a new process. It prints the UUIDs of its devices as JSON."""

from __future__ import annotations

import json

import torch

from vae_exporter.doctor.gpu.exporters import local_exporter
from vae_exporter.doctor.gpu.machine import uuid_of
from vae_exporter.doctor.metrics import wait_for


def main() -> None:
    """Print the devices of the exporter, those of torch, and the device on which the exporter sees memory."""
    with local_exporter() as exporter:
        url = str(exporter.url)
        # Before anything initializes CUDA.
        read = wait_for(
            url, "the GPUs", lambda found: bool(found.value("vae_exporter_collector_success", collector="gpu"))
        )
        answer = {
            "exporter": [sample.labels["gpu"] for sample in read.of("vae_gpu_info")],
            "torch": [uuid_of(torch.device("cuda", ordinal)) for ordinal in range(torch.cuda.device_count())],
            "allocator": [],
        }
        if answer["torch"]:
            held = torch.ones(2**20, device="cuda:0")
            name = "vae_cuda_allocator_bytes"
            used = {"kind": "allocated", "stat": "current"}
            found = wait_for(url, "the memory", lambda found: any(sample.value for sample in found.of(name, **used)))
            answer["allocator"] = [sample.labels["gpu"] for sample in found.of(name, **used) if sample.value]
            del held
    print(json.dumps(answer))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main()
