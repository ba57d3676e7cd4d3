"""What the sampler asks of a vendor's driver. NVML is the only one so far: another one is another class like this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vae_exporter._gpu.facts import GpuIdentity, GpuReading


class GpuSource(Protocol):
    """A vendor's driver, asked by one thread.

    Devices are named by their UUIDs. Each method may hang as the driver does, and none raises: what goes wrong is
    counted and logged.
    """

    @property
    def name(self) -> str:
        """The key of this source in `GpuFacts.answers`, which is the name of the collector that exports it."""

    def devices(self) -> Sequence[GpuIdentity] | None:
        """Return the GPUs of this machine, each followed by its slices. None: the driver does not answer."""

    def visible(self) -> Sequence[str]:
        """Return the devices that torch can see in this process, in torch's order; none if that is not known."""

    def name_of(self, ordinal: int, uuid: str | None) -> str | None:
        """Return the UUID of torch's device *ordinal*, which torch calls *uuid*; None if it is not known."""

    def wait_for_driver(self, uuids: Iterable[str]) -> None:
        """Ask the driver about each device, whatever it answers: if it hangs, it hangs here."""

    def count_errors(self, uuids: Iterable[str]) -> bool:
        """Count the errors that the driver has reported since the last call. Return whether it answered."""

    def read(self, uuid: str, before: GpuReading | None) -> tuple[GpuReading | None, bool]:
        """Return the device as it is now, else as it was *before*, and whether all of it could be read."""

    def settle(self, *, is_missed: bool) -> None:
        """End a round of readings. *is_missed*: the driver does not know a GPU any more that it knew before."""

    def close(self) -> None:
        """Let go of the driver."""
