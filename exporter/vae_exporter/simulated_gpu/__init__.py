"""A simulated NVIDIA driver: a library with NVML's binary interface and no GPU behind it."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vae_exporter.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SOURCE = Path(__file__).with_name("nvml_stand_in.c")

LIBRARY = "libnvidia-ml.so.1"
"""The name under which the driver's library is known, and pynvml loads it."""

STATE_VARIABLE = "NVML_STAND_IN"
"""The environment variable that names the file of `SimulatedDriver`."""

GIBIBYTE = 2**30


class SimulatedDriver:
    """What the driver answers: *file* holds it, and is complete whenever a method returns.

    The head of nvml_stand_in.c says which keys and values there are.

    Args:
        file: where it is written.
        gpus: of each GPU its answers, as `a100` gives them.
    """

    def __init__(self, file: Path, gpus: Sequence[Mapping[str, object]]) -> None:
        self.file = file
        self._answers: dict[str, object] = {"driver": "550.54.15", "init": "ok"}
        for index, gpu in enumerate(gpus):
            self._answers.update({f"gpu.{index}.{name}": value for name, value in gpu.items()})
        self._write()

    def answer(self, key: str, value: object) -> None:
        """Answer *value* from now on."""
        self._answers[key] = value
        self._write()

    def forget(self, key: str) -> None:
        """Support *key* no more."""
        del self._answers[key]
        self._write()

    def _write(self) -> None:
        new = self.file.with_suffix(".new")
        new.write_text("".join(f"{key} = {value}\n" for key, value in self._answers.items()))
        new.replace(self.file)  # whole: the library reads it at any moment


def a100(index: int = 0, *, gibibytes: int = 80, name: str = "") -> dict[str, object]:
    """Return what an A100-SXM4 of 80 or 40 GB answers while it trains. *index* makes its UUID and its address."""
    return {
        "uuid": f"GPU-{index:08x}-c1a0-4000-8000-00000000a100",
        "name": name or f"NVIDIA A100-SXM4-{gibibytes}GB",
        "pci_bus_id": f"00000000:{index + 1:02X}:00.0",
        "memory.total": gibibytes * GIBIBYTE,
        "memory.reserved": 600 * 2**20,
        "memory.used": gibibytes * GIBIBYTE * 3 // 4,
        "temperature": 52,
        "memory_temperature": 64,
        "power": 315_250,
        "energy": "8000000000 + 315250/s",
        "utilization.gpu": 98,
        "utilization.memory": 47,
        "clock.graphics": 1410,
        "clock.sm": 1410,
        "clock.memory": 1593 if gibibytes > 40 else 1215,  # noqa: PLR2004 - the two models
        "clock.video": 1275,
        "throttled": 0x4,
        "throttled.supported": 0x1FF,
        "ecc.corrected": 0,
        "ecc.uncorrected": 0,
        "rows.corrected": 0,
        "rows.uncorrected": 0,
        "rows.pending": 0,
        "rows.failed": 0,
        "mig": 0,
        "processes": "",
        "events.supported": 0x1D,
    }


def in_mig_mode(gpu: Mapping[str, object], slices: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return what *gpu* answers in MIG mode, cut into *slices*, as `mig_slice` gives them."""
    parts = {f"mig.{place}.{name}": value for place, part in enumerate(slices) for name, value in part.items()}
    unsupported = ("utilization.", "rows.")
    return {name: value for name, value in gpu.items() if not name.startswith(unsupported)} | {"mig": 1} | parts


def mig_slice(index: int, *, gibibytes: int = 10, profile: str = "1g.10gb") -> dict[str, object]:
    """Return what a MIG slice answers: it knows its memory, and little else. *index* makes its UUID."""
    return {
        "uuid": f"MIG-{index:08x}-c1a0-5000-8000-00000000a100",
        "name": f"NVIDIA A100-SXM4-80GB MIG {profile}",
        "gpu_instance": index + 7,
        "compute_instance": 0,
        "memory.total": gibibytes * GIBIBYTE,
        "memory.reserved": 0,
        "memory.used": gibibytes * GIBIBYTE // 2,
        "processes": "",
    }


def build(folder: Path, *, own_name: str = LIBRARY) -> Path:
    """Compile the driver's library into *folder*, and return its path.

    Once it is loaded, the loader gives it to whoever asks for *own_name* (DT_SONAME), in the whole process.

    Raises:
        StackError: there is no C compiler, or it fails.
    """
    compiler = os.environ.get("CC") or shutil.which("cc")
    if compiler is None:
        raise StackError(
            "there is no C compiler (cc) to make the simulated GPU's driver: on Debian and Ubuntu, "
            "apt-get install gcc libc6-dev"
        )
    library = folder / LIBRARY
    options = ["-std=gnu11", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", f"-Wl,-soname,{own_name}"]
    command = [compiler, *options, "-Wall", "-Wextra", "-Werror", "-o", str(library), str(SOURCE)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    except OSError as error:
        raise StackError(f"the C compiler {compiler} cannot be run ({error}): set CC to one that can") from error
    if done.returncode:
        raise StackError(f"the C compiler {compiler} fails at {SOURCE.name}:\n{done.stderr}")
    return library


@contextmanager
def simulated_gpu(folder: Path, name: str) -> Iterator[SimulatedDriver]:
    """Let this process find one simulated A100, called *name*, in the place of a driver. Before the first sampler.

    Raises:
        StackError: the driver cannot be compiled.
    """
    library = build(folder)
    driver = SimulatedDriver(folder / "simulated_gpu.txt", [a100(name=name)])
    os.environ[STATE_VARIABLE] = str(driver.file)
    ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    try:
        yield driver
    finally:
        os.environ.pop(STATE_VARIABLE)
