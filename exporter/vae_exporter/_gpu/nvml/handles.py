"""Calls NVML's functions on one device, and classifies their errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

# The codes for a value that is not available: not supported, no permission (as on a MIG slice), no data, unknown to
# this driver, or not in the right state. They are NVML's nvmlReturn_t:
# https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceEnumvs.html
_ABSENT_CODES = frozenset({2, 3, 4, 6, 13, 21, 22, 25, 26, 27, 29})

_LOST_CODES = frozenset({15, 16, 28})  # lost; reset required; not found

GONE_CODES = frozenset({1, 9, 18})
"""Uninitialized; driver not loaded; versions of driver and library differ. The session is no longer usable."""

_LIBRARY_NOT_FOUND = 12


class GpuLostError(Exception):
    """The driver cannot reach this GPU, because it fell off the bus or needs a reset."""


@dataclass(frozen=True, eq=False)
class Handle:
    """NVML's handle of a device. *pointer* is a ``nvmlDevice_t``, and *library* the module ``pynvml``."""

    library: ModuleType
    pointer: Any

    def ask(self, function: str, *arguments: object) -> Any:  # noqa: ANN401 - what NVML returns
        """Call NVML's *function* on the device. None means that the value is not available.

        Raises:
            GpuLostError: If the driver cannot reach the GPU.
            NVMLError: On any other error.
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
        except UnicodeDecodeError:  # the driver returned invalid text
            return None

    def text(self, function: str) -> str | None:
        """Call *function* like `ask`, and return its text."""
        return as_text(self.ask(function))


def as_text(value: str | bytes | None) -> str | None:
    """Return *value* as text. Some releases of pynvml return bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def is_absent(error: object) -> bool:
    """Return whether *error* means that a value is not available here, which is not a failure."""
    return getattr(error, "value", None) in _ABSENT_CODES


def is_missing(error: object) -> bool:
    """Return whether *error* means that this machine does not have the driver's library."""
    return getattr(error, "value", None) == _LIBRARY_NOT_FOUND
