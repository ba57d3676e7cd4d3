"""Describes the machine, so that a table of findings can be compared with that of another one."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import torch

from vae_exporter._version import __version__
from vae_exporter.doctor.finding import Finding
from vae_exporter.errors import DoctorError

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECK = "machine"


def first_device() -> torch.device:
    """Return the first CUDA device.

    Raises:
        DoctorError: If this process has no CUDA device.
    """
    if not torch.cuda.is_available():
        built_for = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
        raise DoctorError(
            f"--gpu needs a CUDA device, and torch {torch.__version__} ({built_for}) finds none: run it on a machine "
            "with an NVIDIA GPU, install torch with CUDA, and check nvidia-smi and CUDA_VISIBLE_DEVICES"
        )
    return torch.device("cuda", 0)


def describe(device: torch.device) -> Iterator[Finding]:
    """Yield the device and the versions."""
    properties = torch.cuda.get_device_properties(device)
    yield Finding(CHECK, "GPU", f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB")
    yield Finding(CHECK, "CUDA devices", str(torch.cuda.device_count()))
    yield Finding(CHECK, "torch", f"{torch.__version__}, CUDA {torch.version.cuda}")
    yield Finding(CHECK, "Python", f"{platform.python_version()}, {platform.system()} {platform.machine()}")
    yield Finding(CHECK, "vae-exporter", __version__)


def uuid_of(device: torch.device) -> str:
    """Return the UUID that torch reports for *device*, as the exporter writes it."""
    return f"GPU-{torch.cuda.get_device_properties(device).uuid}"
