"""A simulated NVIDIA driver, for the tests and for ``vae-exporter demo --simulated-gpu``.

It is a library with the binary interface of NVML and no GPU behind it.
"""

from vae_exporter.simulated_gpu.answers import GIBIBYTE, a100, in_mig_mode, mig_slice
from vae_exporter.simulated_gpu.driver import SimulatedDriver
from vae_exporter.simulated_gpu.library import LIBRARY, STATE_VARIABLE, build, simulated_gpu

__all__ = [
    "GIBIBYTE",
    "LIBRARY",
    "STATE_VARIABLE",
    "SimulatedDriver",
    "a100",
    "build",
    "in_mig_mode",
    "mig_slice",
    "simulated_gpu",
]
