"""NVML's functions, called on one device, and what their errors mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

# What a device does not tell is absent: not supported, not permitted (to a slice's user), no data, unknown to this
# driver, not in a state to tell. The numbers are NVML's: nvmlReturn_t in
# https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceEnumvs.html
_ABSENT_CODES = frozenset({2, 3, 4, 6, 13, 21, 22, 25, 26, 27, 29})

_LOST_CODES = frozenset({15, 16, 28})  # is lost; requires a reset; not found

GONE_CODES = frozenset({1, 9, 18})
"""Uninitialized; driver not loaded; driver and library differ. The session is of no more use."""

_LIBRARY_NOT_FOUND = 12


class GpuLostError(Exception):
    """The driver cannot reach this GPU: it fell off the bus, or needs a reset."""


@dataclass(frozen=True, eq=False)
class Handle:
    """A device as NVML knows it: *pointer* is a ``nvmlDevice_t``, *library* the module ``pynvml``."""

    library: ModuleType
    pointer: Any

    def ask(self, function: str, *arguments: object) -> Any:  # noqa: ANN401 - what NVML returns
        """Return what *function* says of the device, None where the device does not tell it.

        Raises:
            GpuLostError: the driver cannot reach the GPU.
            NVMLError: another error.
        """
        call = getattr(self.library, function, None)
        if call is None:  # an older pynvml
            return None
        try:
            return call(self.pointer, *arguments)
        except self.library.NVMLError as error:
            if error.value in _LOST_CODES:
                raise GpuLostError(str(error)) from error
            if is_absent(error):
                return None
            raise
        except UnicodeDecodeError:  # a text that is none
            return None

    def text(self, function: str) -> str | None:
        """Return the text that *function* says of the device, None as `ask`."""
        return as_text(self.ask(function))


def as_text(value: str | bytes | None) -> str | None:
    """Return *value*, which some releases of pynvml give as bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def is_absent(error: object) -> bool:
    """Tell whether *error* says that there is no such thing to be told here, which is no failure."""
    return getattr(error, "value", None) in _ABSENT_CODES


def is_missing(error: object) -> bool:
    """Tell whether *error* says that this machine has no driver's library at all."""
    return getattr(error, "value", None) == _LIBRARY_NOT_FOUND
