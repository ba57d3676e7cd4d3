"""The interface of a vendor's driver to the sampler. NVML is the only implementation so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vae_exporter._gpu.facts import GpuIdentity, GpuReading


class GpuSource(Protocol):
    """A vendor's driver, which only one thread calls.

    Devices are named by their UUIDs. Each method may hang if the driver hangs. None raises: errors are counted and
    logged.
    """

    def devices(self) -> Sequence[GpuIdentity] | None:
        """Return the GPUs of this machine, each followed by its slices. None means that the driver does not answer."""

    def visible(self) -> Sequence[str]:
        """Return the devices that torch can use in this process, in torch's order. Empty if unknown."""

    def name_of(self, ordinal: int, uuid: str | None) -> str | None:
        """Return the UUID of torch's device *ordinal*, for which torch reports *uuid*. None if unknown."""

    def wait_for_driver(self, uuids: Iterable[str]) -> None:
        """Call the driver for each device and ignore the result, so that a driver that hangs does so here."""

    def count_errors(self, uuids: Iterable[str]) -> bool:
        """Count the errors that the driver has reported since the last call. Return whether it answered."""

    def read(self, uuid: str, before: GpuReading | None) -> tuple[GpuReading | None, bool]:
        """Return a new reading, or the one *before* if it fails, and whether every value could be read."""

    def settle(self, *, is_missed: bool) -> None:
        """End a round of readings. *is_missed* means that the driver no longer lists a GPU that it listed before."""

    def close(self) -> None:
        """Release the driver."""
