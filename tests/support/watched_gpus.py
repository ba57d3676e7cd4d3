"""A GPU sampler with a simulated driver and a simulated clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stand_in_cuda import Cuda, Torch

from vae_exporter._gpu.nvml.source import NvmlSource
from vae_exporter._gpu.sampler import GpuSampler
from vae_exporter._process.failures import Failures

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from vae_exporter.simulated_gpu import SimulatedDriver

    Drive = Callable[..., SimulatedDriver]

UUID = "GPU-{:08x}-c1a0-4000-8000-00000000a100".format
SLICE = "MIG-{:08x}-c1a0-5000-8000-00000000a100".format


@dataclass
class Watch:
    """A sampler and its clock. *now* is both the Unix time and the monotonic one."""

    library: ModuleType
    choice: str = "own"
    torch: Any = None
    environment: dict[str, str] = field(default_factory=dict)
    now: float = 1000.0
    failures: Failures = field(default_factory=Failures)
    source: NvmlSource = field(init=False)
    sampler: GpuSampler = field(init=False)

    def __post_init__(self) -> None:
        self.source = NvmlSource(
            self.failures,
            library=self.library,
            environment=self.environment,
            pid=lambda: None,
            clock=lambda: self.now,
            monotonic=lambda: self.now,
        )
        self.sampler = GpuSampler(
            self.source,
            self.choice,
            0.1,
            self.failures,
            torch=self.torch or Torch(Cuda(initialized=False)),
            monotonic=lambda: self.now,
        )

    def sample(self, after: float = 5.0) -> Watch:
        self.now += after
        self.sampler.sample()
        return self

    @property
    def answers(self) -> bool:
        return self.sampler.facts().answers["gpu"]

    @property
    def uuids(self) -> list[str]:
        return [gpu.identity.uuid for gpu in self.sampler.facts().gpus]

    @property
    def lost(self) -> list[bool]:
        return [gpu.is_lost for gpu in self.sampler.facts().gpus]

    @property
    def times(self) -> list[float | None]:
        return [gpu.time for gpu in self.sampler.facts().gpus]

    @property
    def temperatures(self) -> list[int | None]:
        return [gpu.health.temperature for gpu in self.sampler.facts().gpus]
